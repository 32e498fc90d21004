/// Which end of an integer comes first (System V gABI, ch. 4, EI_DATA).
public enum ByteOrder: UInt8, Hashable, Sendable {
  case little = 1
  case big = 2
}
