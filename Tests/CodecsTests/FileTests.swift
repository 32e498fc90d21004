import Addresses
import Codecs
import Foundation
import TestSupport
import Testing

/// Files of every kind, read and written.
@Suite struct FileTests {
  private func contents(_ file: MappedFile) -> [UInt8] {
    file.withBytes { span in unsafe span.withUnsafeBytes { unsafe [UInt8]($0) } }
  }

  private func openingError(_ path: String, cap: ByteCount = .gibibytes(1)) -> FileError? {
    do throws(FileError) {
      _ = try MappedFile(path: path, cap: cap)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [0, 1, 4095, 4096, 4097, 1_000_000]) func regularFile(size: Int) throws {
    let workshop = try Workshop()
    let path = try workshop.folder.write(sample(size), to: "file")
    let file = try MappedFile(path: path)
    #expect(file.count.value == UInt64(size))
    #expect(contents(file) == sample(size))
  }

  @Test func mappedFileOutlivesItsName() throws {
    let workshop = try Workshop()
    let path = try workshop.folder.write(sample(5000), to: "file")
    let file = try MappedFile(path: path)
    try FileManager.default.removeItem(atPath: path)
    #expect(contents(file) == sample(5000))
  }

  @Test func pipeIsReadToItsEnd() throws {
    let workshop = try Workshop()
    try workshop.folder.write(sample(700_000), to: "source")
    try workshop.run("mkfifo pipe")
    // The writer waits for its reader, and is still there when the reader comes.
    let writer = try workshop.start("cat source > pipe")
    #expect(contents(try MappedFile(path: workshop.path("pipe"))) == sample(700_000))
    writer.waitUntilExit()
  }

  @Test func pipeEndsAtTheCap() throws {
    let workshop = try Workshop()
    try workshop.run("mkfifo pipe")
    let writer = try workshop.start("head -c 1000000 /dev/zero > pipe 2> /dev/null")
    #expect(
      openingError(workshop.path("pipe"), cap: ByteCount(999_999))
        == FileError(path: workshop.path("pipe"), operation: "read", errno: EFBIG))
    writer.waitUntilExit()
  }

  @Test func endlessDeviceEndsAtTheCap() {
    #expect(
      openingError("/dev/zero", cap: .mebibytes(1)) == FileError(path: "/dev/zero", operation: "read", errno: EFBIG))
  }

  @Test func fileWithoutASizeIsRead() throws {
    #expect(contents(try MappedFile(path: "/proc/self/stat")).isEmpty == false)
  }

  @Test func errorsNameThePathAndTheReason() throws {
    let workshop = try Workshop()
    let missing = workshop.path("missing")
    #expect(openingError(missing) == FileError(path: missing, operation: "open", errno: ENOENT))
    #expect(openingError(missing)?.description == "cannot open \(missing): No such file or directory")
    let folder = workshop.folder.url.path
    #expect(openingError(folder) == FileError(path: folder, operation: "read", errno: EISDIR))
  }

  @Test func writingReplacesTheWholeFile() throws {
    let workshop = try Workshop()
    let path = try workshop.folder.write(Array("before".utf8), to: "out")
    try workshop.run("ln -s out link")
    let (first, second) = (sample(100_000), sample(17))
    // SAFETY: bytes are bytes; the arrays outlive the call.
    try unsafe writeAtomically(to: workshop.path("link"), first.span.bytes, second.span.bytes)
    #expect(try workshop.read("out") == first + second)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: workshop.path("link")) == "out")
    #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.folder.url.path).sorted() == ["link", "out"])
    #expect(try workshop.read("out").count == (try MappedFile(path: path)).count.value)
  }

  @Test func uncommittedFileLeavesNothing() throws {
    let workshop = try Workshop()
    try workshop.folder.write(Array("before".utf8), to: "out")
    do {
      var file = try OutputFile(replacing: workshop.path("out"))
      // SAFETY: bytes are bytes; the array outlives the call.
      try unsafe file.write(sample(5000).span.bytes)
      #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.folder.url.path).count == 2)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: workshop.folder.url.path) == ["out"])
    #expect(try workshop.read("out") == Array("before".utf8))
  }

  @Test func deviceIsWrittenAndNotReplaced() throws {
    let bytes = sample(10)
    // SAFETY: bytes are bytes; the array outlives the call.
    try unsafe writeAtomically(to: "/dev/null", bytes.span.bytes)
    #expect(
      try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
        == .typeCharacterSpecial)
    let error = #expect(throws: FileError.self) { try unsafe writeAtomically(to: "/dev/full", bytes.span.bytes) }
    #expect(error == FileError(path: "/dev/full", operation: "write", errno: ENOSPC))
  }

  @Test func missingFolderIsNamed() throws {
    let path = try Workshop().path("no/such/out")
    let error = #expect(throws: FileError.self) { _ = try OutputFile(replacing: path) }
    #expect(error == FileError(path: path, operation: "create", errno: ENOENT))
  }
}
