import AddressSpace
import Addresses
import BootProtocols
import Placement

extension KexecLoad {
  /// What my_load does when a file type has placed everything, and what the system call looks at.
  mutating func finish() throws(Kexec.Stop) -> LoadPlan {
    try checkOverlap()
    let count = memory.segments.count
    let evidence = "\(count) segments"
    // 19 were seen to be refused in order, 25 to kill it: what lies behind the table decides.
    guard purgatory == nil || count <= 19 else {
      throw Kexec.Stop(
        misbehaves: "overruns a table on its stack" + (count >= 25 ? " and crashes" : ""), evidence: evidence,
        rule: Kexec.rule(
          "the table of sums has room for 16 segments beside purgatory", "kexec/kexec.c, update_purgatory"))
    }
    guard count <= 16 else {
      throw Kexec.Stop(
        Kexec.kernelRefuses, evidence: evidence,
        rule: Rule("KEXEC_SEGMENT_MAX is 16", source: "Linux, kernel/kexec.c, kexec_load_check"))
    }
    guard count > 0 else {
      throw Kexec.Stop(
        misbehaves: "says that all went well and loads nothing", evidence: "no PT_LOAD with a p_memsz",
        rule: Rule("a load of no segments unloads", source: "Linux, kernel/kexec.c, do_kexec_load"))
    }
    try checkAmount()
    noteEntry()
    return prediction
  }

  /// The kernel compares with half of the pages that it found free when it started: a few per cent less than the map
  /// has. Of 1536 MiB, 45 % were taken and 47 % refused.
  private mutating func checkAmount() throws(Kexec.Stop) {
    let wanted = memory.segments.reduce(0 as UInt64) { $0 &+ $1.size }
    let ram = request.machine.usable.reduce(0 as UInt64) { $0 &+ $1.count.value }
    let rule = Rule(
      "no more than half of memory is loaded", source: "Linux, kernel/kexec_core.c, sanity_check_segment_list")
    let evidence = "\(hex(wanted)) bytes of \(hex(ram))"
    guard wanted <= ram / 2 else { throw Kexec.Stop(Kexec.kernelRefuses, evidence: evidence, rule: rule) }
    guard wanted > ram / 25 * 11 else { return }
    prediction.remarks.append(
      Remark(
        .unspecified,
        "\(evidence): half of what the kernel counts as its own may be less, and then it says \(Kexec.kernelRefuses).",
        rule: rule))
  }

  /// kexec never looks where the entry lies.
  private mutating func noteEntry() {
    let entry = prediction.entry.address
    let isInside = prediction.pieces.contains { $0.extent.contains(PhysicalAddress(unchecked: entry)) }
    guard !isInside else { return }
    prediction.remarks.append(
      Remark(
        .entryOutsideImage, "e_entry: the entry \(hex(entry)) lies in no segment.",
        rule: Kexec.rule("e_entry is physical and taken as it is", "kexec/kexec-elf-exec.c, elf_exec_load")))
  }
}
