import AddressSpace
import Addresses
import BootProtocols

/// Where the parts of Linux's boot information lie. They are taken before the kernel's place is drawn, and filled after.
struct LinuxBootArea {
  var zeroPage: PhysicalRange
  var commandLine: PhysicalRange
  /// The setup_data node for the memory-map entries that the zero page has no room for.
  var memoryMapExtension: PhysicalRange?
  var initrd: PhysicalRange?

  init(_ request: PlanRequest, initrdLimit: UInt64, draft: inout PlanDraft) throws(PlanError) {
    zeroPage = try draft.takePages(ByteCount(UInt64(ZeroPage.byteCount)), for: "zero page")
    commandLine = try draft.takePages(ByteCount(UInt64(request.commandLine.utf8.count + 1)), for: "command line")
    if let node = SetupData.memoryMapExtension(for: request.machine) {
      memoryMapExtension = try draft.takePages(ByteCount(UInt64(node.count)), for: "memory map extension")
    }
    initrd = try draft.placeModules(request.modules, below: initrdLimit).first
  }

  /// What the kernel reads before it has tables of its own.
  func map(in draft: inout PlanDraft) throws(PlanError) {
    try draft.mapIdentity(zeroPage, .readWrite, "zero page")
    try draft.mapIdentity(commandLine, .readWrite, "command line")
    if let memoryMapExtension { try draft.mapIdentity(memoryMapExtension, .readWrite, "memory map extension") }
  }

  func add(_ image: LinuxImage, request: PlanRequest, to draft: inout PlanDraft) {
    var page = ZeroPage(setupHeader: image.setupBytes)
    page.commandLine = commandLine.start
    page.initialRAMDisk = initrd
    page.isRandomized = request.seed != nil
    let left = page.setMemoryMap(request.machine)
    if left > 0, let memoryMapExtension, let node = SetupData.memoryMapExtension(for: request.machine) {
      page.setupData = memoryMapExtension.start
      draft.add(node, at: memoryMapExtension.start, name: "memory map extension")
    }
    draft.add(page.bytes, at: zeroPage.start, name: "zero page")
    draft.add(Array(request.commandLine.utf8) + [0], at: commandLine.start, name: "command line")
  }
}
