import Placement

extension Rule {
  /// "segments must lie below 4 GiB (GRUB 2.06, grub-core/loader/multiboot_elfxx.c)".
  var line: String { "\(text.hasSuffix(".") ? String(text.dropLast()) : text) (\(source))" }

  var json: JSONValue { .members(["text": .string(text), "source": .string(source)]) }
}
