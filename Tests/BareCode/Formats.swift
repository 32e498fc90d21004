// What is looked at: one function for each format of the processor that this is compiled for.
import AddressSpace
import Addresses
import PageTables

#if arch(x86_64)
  @c func useX86_64(_ memory: UnsafeMutableRawPointer, _ size: Int, _ place: UnsafePointer<UInt64>) -> UInt64 {
    useAll(X86_64Format(), memory, size, place)
  }
#elseif arch(i386)
  @c func useI386(_ memory: UnsafeMutableRawPointer, _ size: Int, _ place: UnsafePointer<UInt64>) -> UInt64 {
    useAll(I386Format(), memory, size, place)
  }

  @c func usePAE(_ memory: UnsafeMutableRawPointer, _ size: Int, _ place: UnsafePointer<UInt64>) -> UInt64 {
    useAll(PAEFormat(), memory, size, place)
  }
#elseif arch(arm64)
  @c func useAArch64(_ memory: UnsafeMutableRawPointer, _ size: Int, _ place: UnsafePointer<UInt64>) -> UInt64 {
    guard let paging = AArch64Paging() else { return 0 }
    return useAll(AArch64Format(paging), memory, size, place)
  }
#elseif arch(riscv64)
  @c func useRISCV(_ memory: UnsafeMutableRawPointer, _ size: Int, _ place: UnsafePointer<UInt64>) -> UInt64 {
    useAll(RISCVFormat(.sv39), memory, size, place)
  }
#endif
