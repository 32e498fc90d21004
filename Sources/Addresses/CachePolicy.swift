/// How the processor may cache accesses through a mapping.
public enum CachePolicy: Hashable, Sendable {
  /// Ordinary memory.
  case writeBack
  /// Device registers: nothing is cached, nothing is merged.
  case uncacheable
}
