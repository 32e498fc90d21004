import AddressSpace
import Addresses
import BareMachine
import BootProtocols
import PageTables

extension Machine {
  /// Takes the machine over: leaves the loader's page tables for the kernel's own, and keeps account of what is free.
  ///
  /// - Parameters:
  ///   - heap: what is mapped beside that which the boot information says.
  ///   - largestPage: the largest that the direct map may use.
  init(taking information: BootInformation, heap: MappingIntent, mode: PagingMode, largestPage: PageSize) {
    self.information = information
    frames = FrameAllocator(usable: information.usableMemory)
    // SAFETY: the loader maps all usable memory there, and so do the tables that come next.
    memory = unsafe DirectMap(base: information.directMapBase, ranges: information.usableMemory)
    Exceptions.describe(memory: memory, landmarks: information.landmarks)
    do throws(MappingError) {
      var space = try FinalTables.addressSpace(information, mode: mode, largestPage: largestPage)
      try space.add(heap)
      self.space = space
    } catch {
      let other = error.other.map { ", beside \(text: $0)" as Line } ?? ""
      stop("\(text: error.name) cannot be mapped at \(Text.hexadecimal(error.virtual.value))\(other)")
    }
    changeTables()
  }

  private mutating func changeTables() {
    let borrowed = tables.frames
    for range in information.takenMemory + borrowed { frames.take(range) }
    let before = frames.frameCount
    guard let root = frames.takeFrame(for: tables.format.geometry.rootLevel) else { stop("no frame is free") }
    do throws(TableEditError) {
      try FinalTables.build(space, root: root, memory: memory, frames: &frames)
    } catch {
      stop("no page tables: nothing can be mapped at \(Text.hexadecimal(error.virtual.value))")
    }
    let left = frames.frameCount
    FinalTables.use(root)
    // Not those of the heap's first mapping: they are the image's.
    for range in borrowed where !information.image.contains(range) { frames.give(range) }
    SerialLine.say(
      "page tables: \(before - left) frames of the kernel's own, root \(Text.hexadecimal(root.value)); "
        + "\(frames.frameCount - left) of the loader's are free again")
    SerialLine.say("frames: \(frames.frameCount) free (\(Text.size(frames.frameCount << 12)))")
  }
}
