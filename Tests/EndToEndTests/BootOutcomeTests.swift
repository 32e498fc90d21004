import Foundation
import TestSupport
import Testing

/// How boots end, and what a kernel says of itself when it is alive: an initrd of our own reads its symbols.
@Suite(.enabled(if: DebianKernel.areExpected, "scripts/fetch-kernel was not run"))
struct BootOutcomeTests {
  @Test func theKernelFindsTheInitrdAndItsSymbolsWhereThePlanSays() throws {
    let folder = try TemporaryFolder()
    try folder.shell(
      """
      tools=$(dirname "$(readlink -f "$(command -v swift)")")
      mkdir -p root/proc root/dev
      "$tools/clang" --target=x86_64-unknown-none-elf -c "$1/Tests/TinyKernels/init/init.S" -o init.o
      "$tools/ld.lld" -static init.o -o root/init
      cd root && find . | cpio --quiet -o -H newc >../initrd
      """, PackageRoot.url.path)
    // 0xffffffff81000000, where the kernel is linked, and a slide of 17 times 2 MiB.
    let run = try PerchTool.run([
      "boot", DebianKernel.cloud.path, "--initrd", folder.path("initrd"), "--slide", "0x2200000", "--physical",
      "0x4000000", "--memory", "256M", "--cmdline", "console=ttyS0 rdinit=/init", "--verify", "--until",
      "init: done", "--timeout", "60s",
    ])
    #expect(run.status == 0, "\(run.errors)\n\(run.output.suffix(3000))")
    #expect(run.errors.contains(" 0 differences"))
    #expect(run.output.contains("init: running from the initrd"))
    // The image's first symbols share its first address.
    #expect(run.output.contains(/ffffffff83200000 T (startup_64|_stext|_text)/))
  }

  @Test func aGuestWithoutRootPanics() throws {
    let run = try PerchTool.run([
      "boot", DebianKernel.cloud.path, "--cmdline", "console=ttyS0 panic=0", "--timeout", "60s",
    ])
    #expect(run.status == 6, "\(run.errors)")
    #expect(run.errors.contains("Kernel panic - not syncing: VFS"))
  }

  /// An option ROM, which runs after the capsule is loaded and before it is entered, as firmware does that writes where it
  /// should not. In real mode segment 0xffff reaches 1 MiB and a little more, where this kernel's text is.
  @Test func aByteThatIsNotAsPlannedFailsTheVerification() throws {
    // es = 0xffff; es:[0x1010], which is 0xffff0 + 0x1010 = 0x101000, = 0x5a; far return to the firmware.
    var rom: [UInt8] = [0x55, 0xaa, 1, 0xb8, 0xff, 0xff, 0x8e, 0xc0, 0x26, 0xc6, 0x06, 0x10, 0x10, 0x5a, 0xcb]
    rom += [UInt8](repeating: 0, count: 511 - rom.count)
    // All 512 bytes add up to 0 modulo 256, or the firmware passes the ROM over.
    rom.append(0 &- rom.reduce(0, &+))
    let folder = try TemporaryFolder()
    let run = try PerchTool.run([
      "boot", try TinyKernel.upperHalf.path(), "--physical", "0x100000", "--verify", "--timeout", "10s", "--",
      "-option-rom", try folder.write(rom, to: "scribble.rom"),
    ])
    #expect(run.status == 9, "\(run.errors)")
    #expect(run.errors.contains("0x101000"))
    #expect(!run.output.contains("perch-kernel"))
  }
}
