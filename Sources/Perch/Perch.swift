@_exported public import Addresses
@_exported public import KernelImage
@_exported public import AddressSpace
@_exported public import PageTables
@_exported public import BootProtocols
@_exported public import Placement
@_exported public import Loaders
