// swift-tools-version: 6.2
import PackageDescription

/// Every target: strict memory safety on, warnings are errors, explicit existentials and imports.
let house: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Tests reach into Foundation and C freely; what they must not do is warn.
let testing: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]

/// A core target compiles hosted and in Embedded mode from the same files: no Foundation, no existentials.
func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: house)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: testing)
}

let package = Package(
  name: "perch",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "Perch", targets: ["Perch"]),
    .executable(name: "perch", targets: ["perch"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // The core, in the order in which data flows.
    core("Addresses"),
    core("KernelImage", ["Addresses"]),
    core("AddressSpace", ["Addresses"]),
    core("PageTables", ["Addresses", "AddressSpace"]),
    core("BootProtocols", ["Addresses", "KernelImage", "AddressSpace"]),
    core("Placement", ["Addresses", "KernelImage", "AddressSpace", "PageTables", "BootProtocols"]),
    core("Loaders", ["Addresses", "KernelImage", "AddressSpace", "BootProtocols", "Placement"]),

    // The hosted edges.
    .systemLibrary(name: "CCompression"),
    .target(
      name: "Codecs", dependencies: ["Addresses", "KernelImage", "CCompression"],
      swiftSettings: house),
    .target(
      name: "Machines",
      dependencies: [
        "Addresses", "KernelImage", "AddressSpace", "PageTables", "BootProtocols", "Placement", "Loaders", "CHost",
      ],
      swiftSettings: house),
    .target(name: "CHost"),
    .target(
      name: "Reporting",
      dependencies: [
        "Addresses", "KernelImage", "AddressSpace", "PageTables", "BootProtocols", "Placement", "Loaders",
      ],
      swiftSettings: house),

    // What others import, and what people run.
    .target(
      name: "Perch",
      dependencies: [
        "Addresses", "KernelImage", "AddressSpace", "PageTables", "BootProtocols", "Placement", "Loaders",
      ],
      swiftSettings: house),
    .executableTarget(
      name: "perch",
      dependencies: [
        "Perch", "Codecs", "Machines", "Reporting", "Loaders",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/perch-cli", swiftSettings: house),

    // The tests: one target beside each library, and the tool and its machines as a whole.
    .target(
      name: "TestSupport", dependencies: ["Addresses", "AddressSpace", "KernelImage"], path: "Tests/TestSupport",
      swiftSettings: testing),
    tests("AddressesTests", ["Addresses"]),
    tests("AddressSpaceTests", ["AddressSpace", "Addresses"]),
    tests("KernelImageTests", ["KernelImage", "Addresses"]),
    tests("PageTablesTests", ["PageTables", "AddressSpace", "Addresses"]),
    tests("BootProtocolsTests", ["BootProtocols", "KernelImage", "AddressSpace", "Addresses"]),
    tests("PlacementTests", ["Perch"]),
    tests("CodecsTests", ["Codecs", "KernelImage", "Addresses"]),
    tests("MachinesTests", ["Machines", "Perch"]),
    tests("TranslationTests", ["Perch", "Machines"]),
    tests("LoadersTests", ["Loaders", "RealLoaders", "Perch"]),
    // The loaders of the field themselves, run over images drawn by seed, and the table of what they agreed on.
    .target(
      name: "RealLoaders", dependencies: ["Loaders", "Machines", "Codecs", "Perch", "TestSupport"],
      path: "Tests/RealLoaders", swiftSettings: testing),
    .executableTarget(
      name: "agreement",
      dependencies: ["RealLoaders", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Tests/agreement-cli", swiftSettings: testing),
    tests("AgreementTests", ["RealLoaders", "Loaders", "Machines", "Codecs", "Perch"]),
    tests("ReportingTests", ["Reporting", "Loaders", "Perch"]),
    tests("EndToEndTests", ["Perch", "Machines", "perch"]),
    // Perch's own loader and kernel on the bare machine, held against the same functions on a desk.
    tests("BareTests", ["Perch", "Machines", "Reporting", "perch"]),
  ]
)
