/// Prints a line of a table of contestants: label, median and least in `unit`s, separated by tabs.
public func report(_ label: String, _ times: [Duration], per count: Int = 1, in unit: Duration = .milliseconds(1)) {
  let sorted = times.sorted().map { $0 / unit / Double(count) }
  let thousandths = { (value: Double) in String(Double(Int(value * 1000 + 0.5)) / 1000) }
  print("\(label)\t\(thousandths(sorted[sorted.count / 2]))\t\(thousandths(sorted[0]))")
}

/// Prints a line: label, and the ratio of the medians.
public func report(_ label: String, _ times: [Duration], over reference: [Duration]) {
  let ratio = times.sorted()[times.count / 2] / reference.sorted()[reference.count / 2]
  print("\(label)\t\(Double(Int(ratio * 100 + 0.5)) / 100)")
}

/// Why nothing can be measured.
public struct Complaint: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
