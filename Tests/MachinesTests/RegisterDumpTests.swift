import BootProtocols
import Testing

@testable import Machines

@Suite struct RegisterDumpTests {
  /// What QEMU 7.2 printed for a running Linux.
  static let running = """

    CPU#0
    RAX=00000002651d80e4 RBX=00000000000007d0 RCX=0000000000000000 RDX=0000000000115474
    RSI=0000000000000000 RDI=00000002650c2c70 RBP=ff27d05f40013e10 RSP=ff27d05f40013d98
    R8 =0000000000000000 R9 =0000000000274bfb R10=0000000000000003 R11=ffffffffb0ed2328
    R12=0000000000000001 R13=0000000000000898 R14=0000000000000009 R15=0000000000000000
    RIP=ffffffffafdc3643 RFL=00000283 [--S---C] CPL=0 II=0 A20=1 SMM=0 HLT=0
    ES =0000 0000000000000000 00000000 00000000
    CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
    SS =0018 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
    DS =0000 0000000000000000 00000000 00000000
    FS =0000 0000000000000000 00000000 00000000
    GS =0000 ff14e7328f800000 00000000 00000000
    LDT=0000 0000000000000000 00000000 00008200 DPL=0 LDT
    TR =0040 fffffe0000003000 00004087 00008900 DPL=0 TSS64-avl
    GDT=     fffffe0000001000 0000007f
    IDT=     fffffe0000000000 00000fff
    CR0=80050033 CR2=ff14e7328c001000 CR3=000000000b210000 CR4=00751eb0
    DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000\u{20}
    DR6=00000000ffff0ff0 DR7=0000000000000400
    EFER=0000000000000d01
    FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80
    FPR0=0000000000000000 0000 FPR1=0000000000000000 0000
    YMM00=0000000000000000 0000000000000000 5192c6ea29c0075d 93fdba544da78a05
    """

  /// What QEMU 7.2 printed before the first instruction.
  static let reset = """
    CPU#0
    EAX=00000000 EBX=00000000 ECX=00000000 EDX=00060fb1
    ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000
    EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
    ES =0000 00000000 0000ffff 00009300
    CS =f000 ffff0000 0000ffff 00009b00
    SS =0000 00000000 0000ffff 00009300
    DS =0000 00000000 0000ffff 00009300
    FS =0000 00000000 0000ffff 00009300
    GS =0000 00000000 0000ffff 00009300
    LDT=0000 00000000 0000ffff 00008200
    TR =0000 00000000 0000ffff 00008b00
    GDT=     00000000 0000ffff
    IDT=     00000000 0000ffff
    CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
    EFER=0000000000000000
    """

  @Test func longModeIsRead() throws {
    let dump = try #require(RegisterDump(parsing: Self.running.replacing("\n", with: "\r\n")))
    #expect(dump.general.rax == 0x2_651d_80e4)
    #expect(dump.general.rbx == 0x7d0)
    #expect(dump.general.rdx == 0x11_5474)
    #expect(dump.general.rdi == 0x2_650c_2c70)
    #expect(dump.general.rbp == 0xff27_d05f_4001_3e10)
    #expect(dump.general.rsp == 0xff27_d05f_4001_3d98)
    #expect(dump.general.r9 == 0x27_4bfb)
    #expect(dump.general.r13 == 0x898)
    #expect(dump.rip == 0xffff_ffff_afdc_3643)
    #expect(dump.rflags == 0x283)
    #expect(dump.cs == .init(selector: 0x10, base: 0, limit: 0xffff_ffff, attributes: 0xaf9b00))
    #expect(dump.ss == .init(selector: 0x18, base: 0, limit: 0xffff_ffff, attributes: 0xcf9300))
    #expect(dump.ds == .init(selector: 0, base: 0, limit: 0, attributes: 0))
    #expect(dump.gs.base == 0xff14_e732_8f80_0000)
    #expect(dump.gdt == .init(base: 0xffff_fe00_0000_1000, limit: 0x7f))
    #expect(dump.idt == .init(base: 0xffff_fe00_0000_0000, limit: 0xfff))
    #expect((dump.cr0, dump.cr2) == (0x8005_0033, 0xff14_e732_8c00_1000))
    #expect((dump.cr3, dump.cr4, dump.efer) == (0xb21_0000, 0x75_1eb0, 0xd01))
  }

  @Test func realModeIsRead() throws {
    let dump = try #require(RegisterDump(parsing: Self.reset))
    #expect(dump.general.rdx == 0x6_0fb1)
    #expect(dump.rip == 0xfff0)
    #expect(dump.cs == .init(selector: 0xf000, base: 0xffff_0000, limit: 0xffff, attributes: 0x9b00))
    #expect(dump.cr0 == 0x6000_0010)
  }

  @Test func aMissingLineIsNoDump() {
    let lines = Self.running.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let isNeeded = line.firstMatch(of: /^(R|[ECSDFG]S |GDT|IDT|CR0|EFER)/) != nil
      var shorter = lines
      shorter.remove(at: index)
      #expect((RegisterDump(parsing: shorter.joined(separator: "\n")) == nil) == isNeeded, "\(line)")
    }
  }
}
