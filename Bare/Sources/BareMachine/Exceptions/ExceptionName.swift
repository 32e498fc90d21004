/// The exceptions by vector (Intel SDM vol. 3A, table 6-1).
public enum ExceptionName {
  public static var divideError: UInt { 0 }
  public static var invalidOpcode: UInt { 6 }
  public static var doubleFault: UInt { 8 }
  public static var generalProtection: UInt { 13 }
  public static var pageFault: UInt { 14 }

  static func text(_ vector: UInt64) -> StaticString {
    switch vector {
    case 0: "divide error (#DE)"
    case 1: "debug exception (#DB)"
    case 2: "non-maskable interrupt"
    case 3: "breakpoint (#BP)"
    case 4: "overflow (#OF)"
    case 5: "bound range exceeded (#BR)"
    case 6: "invalid opcode (#UD)"
    case 7: "device not available (#NM)"
    case 8: "double fault (#DF)"
    case 10: "invalid task state (#TS)"
    case 11: "segment not present (#NP)"
    case 12: "stack fault (#SS)"
    case 13: "general protection (#GP)"
    case 14: "page fault (#PF)"
    case 16: "floating-point error (#MF)"
    case 17: "alignment check (#AC)"
    case 18: "machine check (#MC)"
    case 19: "SIMD floating-point error (#XM)"
    case 20: "virtualization exception (#VE)"
    case 21: "control protection (#CP)"
    default: "reserved exception"
    }
  }

  /// Shows what an error code says, in parentheses behind a blank (Intel SDM vol. 3A, 4.7 and 6.13).
  static func showMeaning(ofErrorCode code: UInt64, vector: UInt64) {
    switch vector {
    case 14:
      SerialLine.show(constant: " (")
      showPageFault(code)
    case 10...13 where code != 0:
      SerialLine.show(constant: code & 1 != 0 ? " (while an event was delivered, " : " (")
      SerialLine.show(constant: code & 2 != 0 ? "gate " : "selector ")
      SerialLine.show(code & 2 != 0 ? Text.decimal(code >> 3 & 0x1fff) : Text.hexadecimal(code & 0xfffc))
    default: return
    }
    SerialLine.show(constant: ")")
  }

  private static func showPageFault(_ code: UInt64) {
    SerialLine.show(constant: code & 16 != 0 ? "an execution" : code & 2 != 0 ? "a write" : "a read")
    SerialLine.show(constant: code & 4 != 0 ? " by the user; " : " by the supervisor; ")
    SerialLine.show(
      constant: code & 8 != 0
        ? "an entry has a reserved bit set" : code & 1 != 0 ? "the page does not allow it" : "no page is there")
    if code & 32 != 0 { SerialLine.show(constant: "; protection key") }
  }
}
