public import TestSupport

/// A boot of one of Debian's kernels by QEMU's `-kernel`, up to the last instruction of its decompressor.
public struct DecompressorBoot: Shrinkable, Hashable, Sendable {
  /// What is done to the compressed payload before the boot.
  public enum Damage: String, CaseIterable, Sendable {
    case none
    /// The magic of the ELF file inside.
    case magic
    /// The last word of the relocation table becomes 1: 0x1 lies in no kernel.
    case lastRelocation
    /// The same word becomes the address of the second word from the image's start, which relocations may reach.
    case otherRelocation
  }

  public var kernel = DebianKernel.cloud
  /// MiB.
  public var memory: UInt64 = 256
  public var commandLine = ""
  /// Bytes; 0 for none.
  public var initrd: UInt64 = 0
  /// QEMU's `-cpu`.
  public var processor = "max"
  public var damage = Damage.none
  /// Whether the kernel is let go on until it panics and tells its own offset.
  public var isFollowed = false

  public init() {}

  public init(_ kernel: DebianKernel, _ change: (inout Self) -> Void) {
    self.kernel = kernel
    change(&self)
  }

  public var description: String {
    "DecompressorBoot(.\(kernel)) { $0.memory = \(memory); $0.commandLine = \"\(commandLine)\"; $0.initrd = \(initrd); "
      + "$0.processor = \"\(processor)\"; $0.damage = .\(damage) }"
  }

  public var smaller: [Self] {
    var all: [Self] = []
    func add(_ condition: Bool, _ change: (inout Self) -> Void) {
      guard condition else { return }
      var copy = self
      change(&copy)
      all.append(copy)
    }
    add(initrd > 0) { $0.initrd = 0 }
    add(!commandLine.isEmpty) { $0.commandLine = "" }
    add(memory > 256) { $0.memory = 256 }
    add(processor != "max") { $0.processor = "max" }
    return all
  }

  /// Half of the machines are small, where little is free; the words of the command line are those that the decompressor
  /// reads, and some that it does not.
  static func random(_ random: inout SeededGenerator) -> Self {
    var boot = Self()
    boot.memory = random.oneIn(2) ? random.draw(96...256) : random.draw(257...3072)
    if random.oneIn(2) { boot.initrd = random.draw(1...min(64 << 20, (boot.memory - 80) << 20)) }
    boot.processor = random.pick(["max", "max,rdrand=off", "max,rdrand=off,tsc=off", "qemu64", "max,la57=off"])
    let half = boot.memory / 2
    let words = [
      "console=ttyS0", "quiet", "nokaslr", "nokaslr=1", "mem=\(random.draw(64...boot.memory))M", "mem=nopentium",
      "memmap=\(random.draw(1...32))M$\(half)M", "memmap=8M#\(half)M,1M!0x5000000", "memmap=\(boot.memory)M",
      "memmap=1M$80M,1M$81M,1M$82M,1M$83M,1M$84M", "memmap=1M@32M", "hugepagesz=1G hugepages=1",
      "hugepagesz=2M hugepages=9", "-- mem=64M",
    ]
    boot.commandLine = (0..<random.draw(0...3)).map { _ in random.pick(words) }.joined(separator: " ")
    if random.oneIn(8) { boot.damage = random.pick(Damage.allCases) }
    return boot
  }

  /// What every kernel and every way through the decompressor is seen with.
  static var recorded: [NamedImage<Self>] {
    [
      NamedImage("no slot by 128 KiB", Self(.cloud) { $0.memory = 120 }),
      NamedImage("one slot", Self(.cloud) { $0.memory = 121 }),
      // 160 MiB less SeaBIOS's 128 KiB and the initrd end at 0x7800000: the buffer's end and the kernel's 52 MiB before it.
      NamedImage("one slot below the initrd", Self(.cloud) { ($0.memory, $0.initrd) = (160, 0x27e_0000) }),
      NamedImage("nokaslr", Self(.cloud) { $0.commandLine = "nokaslr" }),
      NamedImage("not an ELF file", Self(.cloud) { $0.damage = .magic }),
      NamedImage("a relocation outside", Self(.cloud) { $0.damage = .lastRelocation }),
      NamedImage("a relocation twice", Self(.cloud) { $0.damage = .otherRelocation }),
      NamedImage(
        "the kernel's own words",
        Self(.cloud) { ($0.commandLine, $0.memory, $0.isFollowed) = ("console=ttyS0 panic=-1", 1024, true) }),
      NamedImage("the generic kernel", Self(.generic) { $0.memory = 512 }, isCheap: false),
    ]
  }
}
