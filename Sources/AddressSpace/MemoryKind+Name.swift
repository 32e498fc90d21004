extension MemoryKind {
  /// ACPI 6.5, table 15.4.
  public var name: String {
    switch self {
    case .usable: "usable"
    case .reserved: "reserved"
    case .acpiReclaimable: "ACPI reclaimable"
    case .acpiNonVolatile: "ACPI non-volatile"
    case .unusable: "unusable"
    case .persistent: "persistent"
    default: "unknown"
    }
  }
}
