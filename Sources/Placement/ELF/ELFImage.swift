public import Addresses
public import KernelImage

/// What the loader needs to know of a generic x86-64 ELF kernel.
public struct ELFImage: Sendable {
  public var elf: ELFFile
  /// The RELA tables of a position-independent image: file ranges of 24-byte entries.
  public var rela: [FileRange]
  /// The RELR tables: file ranges of 8-byte words.
  public var relr: [FileRange]

  public init(elf: ELFFile, rela: [FileRange], relr: [FileRange]) {
    self.elf = elf
    self.rela = rela
    self.relr = relr
  }

  /// Finds the relocation tables through the dynamic segment.
  ///
  /// - Throws: ``ParseError`` when the dynamic table points outside the file.
  public init(elf: ELFFile, bytes: RawSpan) throws(ParseError) {
    let tables = try elf.dynamicRelocations(in: bytes)
    self.init(elf: elf, rela: tables.rela, relr: tables.relr)
  }
}
