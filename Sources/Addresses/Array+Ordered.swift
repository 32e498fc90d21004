extension Array {
  /// The elements in ascending order of a key; those with equal keys keep their order.
  ///
  /// Only the keys are sorted, by one function for elements of all types: the library's is compiled anew for each.
  @inlinable public func ordered(by key: (Element) -> UInt64) -> [Element] {
    var order: [OrderedKey] = []
    order.reserveCapacity(count)
    for element in self { order.append(OrderedKey(value: key(element), index: order.count)) }
    sortByValue(&order)
    return order.map { self[$0.index] }
  }
}

@usableFromInline struct OrderedKey {
  @usableFromInline let value: UInt64
  @usableFromInline let index: Int

  @usableFromInline init(value: UInt64, index: Int) {
    self.value = value
    self.index = index
  }
}

@inline(never) @usableFromInline func sortByValue(_ keys: inout [OrderedKey]) {
  keys.sort { $0.value == $1.value ? $0.index < $1.index : $0.value < $1.value }
}
