/// What the kernel may do with a mapping. There is no spelling for writable and executable without a stated reason.
public enum Access: Hashable, Sendable {
  case read
  case readWrite
  case readExecute
  case readWriteExecute(because: WritableCodeReason)

  public var isWritable: Bool {
    switch self {
    case .read, .readExecute: false
    case .readWrite, .readWriteExecute: true
    }
  }

  public var isExecutable: Bool {
    switch self {
    case .read, .readWrite: false
    case .readExecute, .readWriteExecute: true
    }
  }
}

/// Why a mapping is writable and executable at once.
public enum WritableCodeReason: Hashable, Sendable {
  /// The image has a segment with both flags; its author asked for it.
  case segmentFlags
  /// Segments with different rights share this page, which must grant both.
  case sharedPage
  /// The boot protocol hands over an identity map in which the kernel both runs and writes itself.
  case bootProtocol
}
