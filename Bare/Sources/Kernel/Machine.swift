import AddressSpace
import Addresses
import BareMachine
import BootProtocols
import PageTables

/// The machine as the kernel has arranged it.
struct Machine {
  let information: BootInformation
  let memory: DirectMap
  let space: AddressSpace
  var frames: FrameAllocator

  /// The page below the stack.
  var guardPage: VirtualRange { VirtualRange(uncheckedStart: information.stackGuard, count: .kibibytes(4)) }

  /// The tables in use, from CR3.
  var tables: TranslationTables<X86_64Format, DirectMap> { LiveTables.tables(in: memory) }

  func audit() -> MapAudit { MapAudit.walk(tables, against: space) }
}
