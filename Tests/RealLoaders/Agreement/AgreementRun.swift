import Foundation
import Synchronization

/// Runs judges over their images and makes the table.
public struct AgreementRun: Sendable {
  public var judges: [any Judge]
  public var options: AgreementOptions
  public var state: AgreementState
  /// Gets a line now and then.
  public var progress: @Sendable (String) -> Void

  public init(
    _ judges: [any Judge], _ options: AgreementOptions, state: AgreementState,
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.judges = judges
    self.options = options
    self.state = state
    self.progress = progress
  }

  /// The judges that are left, and the rows that are ready.
  private final class Work: Sendable {
    let next = Atomic(0)
    let rows = Mutex<[Int: AgreementRow]>([:])
  }

  public func table() -> AgreementTable {
    let wanted = judges.filter { options.takes($0.name) }
    let work = Work()
    let finished = DispatchSemaphore(value: 0)
    let count = max(1, min(options.jobs, wanted.count))
    for _ in 0..<count {
      // A thread of its own: an emulator ends with the thread that started it.
      Thread.detachNewThread {
        while case let index = work.next.add(1, ordering: .relaxed).oldValue, index < wanted.count {
          let row = row(of: wanted[index])
          work.rows.withLock { $0[index] = row }
        }
        finished.signal()
      }
    }
    for _ in 0..<count { finished.wait() }
    let rows = work.rows.withLock { rows in wanted.indices.compactMap { rows[$0] } }
    return AgreementTable(rows: rows, mustRun: options.mustRun)
  }

  private func row(of judge: any Judge) -> AgreementRow {
    if let missing = judge.missing {
      var row = AgreementRow(judge: judge.name)
      row.skipped = missing
      progress("\(judge.name): skipped: \(missing)")
      return row
    }
    return run(judge)
  }

  private func run(_ judge: some Judge) -> AgreementRow {
    var run = JudgeRun(judge, state: state, progress: progress)
    return run.row(options)
  }
}
