// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who depends on Perch pays for its measurements.
let package = Package(
  name: "benchmarks",
  targets: [
    .target(name: "CBaseline"),
    .executableTarget(name: "measure"),
  ]
)
