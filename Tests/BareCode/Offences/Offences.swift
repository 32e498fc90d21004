// What bare code must not do, to show that scripts/check-bare-code sees it.

/// Allocates.
@c func useAllocation(_ count: Int) -> Int {
  var numbers: [Int] = []
  for number in 0..<count { numbers.append(number &* number) }
  return numbers.reduce(0, &+)
}

/// Uses registers that an interrupted program has not saved.
@c func useVectors(_ numbers: UnsafeMutablePointer<Double>, _ count: Int) {
  for index in 0..<count { numbers[index] = numbers[index] * numbers[index] + 1 }
}
