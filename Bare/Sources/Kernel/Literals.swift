import BareMachine

/// A literal is a line unless it is told to be something else: a long `String` literal does not work up here.
typealias StringLiteralType = Line
