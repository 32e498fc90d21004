import TestSupport

/// One judge's images, from the first to the row of the table.
struct JudgeRun<J: Judge> {
  /// How many disagreements are made small, and how many images each of them may cost.
  private static var shrunkDisagreements: Int { 3 }
  private static var triesOfOneShrink: Int { 60 }

  private struct Item {
    var label: ImageLabel
    var image: J.Image
  }

  private let judge: J
  private let state: AgreementState
  private let progress: @Sendable (String) -> Void
  private let start = ContinuousClock.now
  private var lastLine = ContinuousClock.now
  private var row: AgreementRow
  /// How many verdicts were not known before.
  private var ran = 0

  init(_ judge: J, state: AgreementState, progress: @escaping @Sendable (String) -> Void) {
    self.judge = judge
    self.state = state
    self.progress = progress
    row = AgreementRow(judge: judge.name)
  }

  mutating func row(_ options: AgreementOptions) -> AgreementRow {
    let items: [Item]
    do {
      items = try self.items(options)
    } catch {
      fail("named images", text: "", "\(error)")
      return row
    }
    var failed: [(item: Item, problem: String)] = []
    func note(_ verdict: Verdict, on item: Item) {
      row.count(verdict)
      if case .disagrees(let problem) = verdict { failed.append((item, problem)) }
    }
    var open: [Item] = []
    for item in items {
      if let known = state.verdict(on: item.label, by: judge.name) { note(known, on: item) } else { open.append(item) }
    }
    say(of: items.count)
    while !open.isEmpty {
      let batch = Array(open.prefix(max(1, judge.batch)))
      open.removeFirst(batch.count)
      for (item, verdict) in zip(batch, verdicts(on: batch.map(\.image))) {
        note(verdict, on: item)
        keep(verdict, on: item.label)
      }
      ran += batch.count
      if open.isEmpty || lastLine.duration(to: .now) >= .seconds(10) { say(of: items.count) }
    }
    for (item, problem) in failed.prefix(Self.shrunkDisagreements) { addExample(item, problem) }
    return row
  }

  private func items(_ options: AgreementOptions) throws -> [Item] {
    let named = try judge.named.filter { $0.isCheap || !options.isQuick }
    return named.map { Item(label: .named($0.name), image: $0.image) }
      + options.seeds(judge.counts).map { seed in
        var random = SeededGenerator(seed: seed)
        return Item(label: .seed(seed), image: judge.draw(&random))
      }
  }

  /// One verdict for each image. Where a run of many fails as a whole, each image runs alone.
  private func verdicts(on images: [J.Image]) -> [Verdict] {
    do {
      let verdicts = try judge.verdicts(on: images)
      if verdicts.count == images.count { return verdicts }
      guard images.count > 1 else { return [.disagrees("the judge gave \(verdicts.count) verdicts on one image")] }
    } catch {
      guard images.count > 1 else { return [.disagrees("\(error)")] }
    }
    return images.flatMap { verdicts(on: [$0]) }
  }

  private mutating func keep(_ verdict: Verdict, on label: ImageLabel) {
    do {
      try state.add(verdict, on: label, by: judge.name)
    } catch {
      progress("\(judge.name), \(label): the verdict is not kept: \(error)")
    }
  }

  private mutating func addExample(_ item: Item, _ problem: String) {
    progress("\(judge.name), \(item.label): disagrees; looking for a smaller image")
    let small = shrink(item.image, problem, tries: Self.triesOfOneShrink) { image in
      if case .disagrees(let problem) = verdicts(on: [image])[0] { problem } else { nil }
    }
    row.examples.append(
      AgreementRow.Example(
        label: "\(item.label)", shrinks: small.shrinks, text: small.text, problem: small.problem))
  }

  private mutating func fail(_ label: String, text: String, _ problem: String) {
    row.count(.disagrees(problem))
    row.examples.append(AgreementRow.Example(label: label, shrinks: 0, text: text, problem: problem))
  }

  private mutating func say(of total: Int) {
    lastLine = .now
    let elapsed = start.duration(to: lastLine)
    var line = "\(judge.name): \(row.images)/\(total), \(row.agreed) agreed, \(elapsed.components.seconds) s"
    let left = total - row.images
    if ran > 0, left > 0 { line += ", about \((elapsed * left / ran).components.seconds) s to go" }
    progress(line)
  }
}
