import Runtime

/// Called where the memory for this program's own values is used up.
@_cdecl("heap_is_used_up")
func heapIsUsedUp(_ bytes: UInt) -> Never {
  Console.say(constant: "out of memory: this program has none left for its own values")
  Power.off(.crashed)
}
