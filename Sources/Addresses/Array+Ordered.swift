extension Array {
  /// The elements in ascending order of a key; those with equal keys keep their order.
  ///
  /// Only keys are sorted, by one function for elements of all types: the library's is compiled anew for each.
  @inlinable public func ordered(by key: (Element) -> UInt64) -> [Element] {
    var ordered: [Element] = []
    for index in order(by: key) { ordered.add(self[index]) }
    return ordered
  }

  /// The indices of the elements in that order.
  @inlinable public func order(by key: (Element) -> UInt64) -> [Int] {
    var keys: [UInt64] = []
    for element in self { keys.add(key(element)) }
    return ascending(keys)
  }
}

/// The indices of keys: runs are merged that are twice as long each time.
@inline(never) @usableFromInline func ascending(_ keys: [UInt64]) -> [Int] {
  let count = keys.count
  var order: [Int] = []
  for index in keys.indices { order.add(index) }
  var width = 1
  while width < count {
    var merged: [Int] = []
    while merged.count < count {
      // Both runs end where the next pair starts.
      var left = merged.count
      let middle = Swift.min(left + width, count)
      var right = middle
      let end = Swift.min(middle + width, count)
      while left < middle || right < end {
        let takesLeft = left < middle && (right == end || keys[order[left]] <= keys[order[right]])
        merged.add(order[takesLeft ? left : right])
        if takesLeft { left += 1 } else { right += 1 }
      }
    }
    order = merged
    width *= 2
  }
  return order
}
