import Placement
import Testing

@Suite struct SplitMix64Tests {
  /// The published sequence of the reference implementation (Vigna, splitmix64.c) for the seed 1234567.
  @Test func followsTheReferenceSequence() {
    var generator = SplitMix64(seed: 1_234_567)
    let drawn = (0..<5).map { _ in generator.next() }
    #expect(
      drawn == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
      ])
  }

  @Test(arguments: [1, 2, 3, 489, 1 << 40] as [UInt64])
  func drawsBelowTheBound(bound: UInt64) {
    var generator = SplitMix64(seed: 7)
    for _ in 0..<1000 { #expect(generator.draw(below: bound) < bound) }
  }

  @Test func reachesEverySlotAboutEquallyOften() {
    var generator = SplitMix64(seed: 42)
    var counts = [Int](repeating: 0, count: 16)
    for _ in 0..<16_000 { counts[Int(generator.draw(below: 16))] += 1 }
    // Binomial with mean 1000 and standard deviation 30.6: six deviations either way.
    for count in counts { #expect((816...1184).contains(count)) }
  }
}
