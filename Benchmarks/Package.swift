// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who depends on Perch pays for its measurements.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    // By name: the directory of a clone may be called anything.
    .package(name: "perch", path: "..")
  ],
  targets: [
    .target(name: "CBaseline"),
    .target(name: "Timing"),
    .executableTarget(name: "measure"),
    .executableTarget(name: "monitor"),
    .executableTarget(
      name: "place", dependencies: ["CBaseline", "Timing", .product(name: "Perch", package: "perch")]),
    .executableTarget(name: "predict", dependencies: ["Timing", .product(name: "Perch", package: "perch")]),
    .executableTarget(
      name: "tables", dependencies: ["CBaseline", "Timing", .product(name: "Perch", package: "perch")]),
  ]
)
