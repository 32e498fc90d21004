import Addresses

extension LoaderCommandLine {
  /// Reads a command line. Bytes are compared, never characters: a bare machine has no tables of Unicode.
  ///
  /// - Throws: ``LoaderCommandLineError`` naming the first word that is unknown or has a value that is not understood.
  public init(parsing line: String) throws(LoaderCommandLineError) {
    let bytes = line.bytes
    var position = 0
    while let word = LoaderWord(in: bytes, from: position) {
      position = word.range.upperBound
      if word.spells("--") {
        kernelCommandLine = word.text(LoaderWord.skip(blanks: true, in: bytes, from: position)..<bytes.count)
        return
      }
      try read(word)
    }
  }

  private mutating func read(_ word: LoaderWord) throws(LoaderCommandLineError) {
    if let value = word.value(of: "seed=") {
      try word.require(seed == nil && !drawsNothing, .contradiction, "one seed, and none with nokaslr")
      seed = try word.number(value)
    } else if let value = word.value(of: "physical=") {
      try word.require(physical == nil, .contradiction, "one physical place")
      physical = try word.physical(value)
    } else if let value = word.value(of: "slide=") {
      try word.require(slide == nil, .contradiction, "one slide")
      slide = try word.signedNumber(value)
    } else if let value = word.value(of: "direct-map=") {
      try word.require(directMapBase == nil, .contradiction, "one direct map")
      directMapBase = VirtualAddress(unchecked: try word.number(value))
    } else if let value = word.value(of: "module=") {
      try word.require(
        UInt64(modules.count) < BootEnvironment.moduleLimit, .contradiction, "at most 64 modules")
      modules.add(try word.module(value))
    } else {
      try readFlag(word)
    }
  }

  /// A word without a value.
  private mutating func readFlag(_ word: LoaderWord) throws(LoaderCommandLineError) {
    if word.spells("nokaslr") {
      try word.require(!drawsNothing && seed == nil, .contradiction, "each word once, and nokaslr without a seed")
      drawsNothing = true
    } else if word.spells("huge-pages") {
      try word.require(!allowsHugePages, .contradiction, "each word once")
      allowsHugePages = true
    } else {
      let feature = try word.feature()
      try word.require(!processor.contains(feature), .contradiction, "each word once")
      processor.insert(feature)
    }
  }
}
