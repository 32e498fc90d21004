public import Addresses

/// What the bare loader's command line asks for: the same as the options of `perch plan`. Words stand between blanks;
/// behind `--` everything is the kernel's. Numbers are decimal, or hexadecimal behind `0x`.
///
///     seed=N                    draw the places from this seed
///     nokaslr                   draw nothing
///     physical=ADDRESS          the image's first byte lies here; also any, linked, in-place
///     slide=N                   virtual slide in bytes, may be negative
///     direct-map=ADDRESS        where usable memory is mapped
///     huge-pages                the direct map may have 1 GiB pages
///     la57 smep smap umip pge   what the processor shall turn on (CR4's bits)
///     module=ADDRESS+SIZE[,NAME]   a file that lies in memory without the protocol's saying so; may be repeated
public struct LoaderCommandLine: Sendable {
  /// Where the image goes in physical memory.
  public enum Physical: Hashable, Sendable {
    case any
    /// Where the image says.
    case linked
    /// Where its file lies.
    case inPlace
    case at(PhysicalAddress)
  }

  /// Nil: the loader finds entropy itself, unless it draws nothing.
  public internal(set) var seed: UInt64?
  /// `nokaslr`; there is no seed then.
  public internal(set) var drawsNothing = false
  public internal(set) var physical: Physical?
  /// In bytes.
  public internal(set) var slide: Int64?
  public internal(set) var directMapBase: VirtualAddress?
  /// `huge-pages`: the direct map may have 1 GiB pages.
  public internal(set) var allowsHugePages = false
  /// What the processor shall turn on; whether it has it is another question.
  public internal(set) var processor: ProcessorFeatures = []
  /// In the line's order, behind those of the protocol. Never empty; the string is the name, empty where there is none.
  public internal(set) var modules: [BootEnvironment.Module] = []
  /// What stands behind `--` and the blanks that follow it.
  public internal(set) var kernelCommandLine = ""
}
