//! The types of elements.

use std::fmt::{self, Display, Formatter};

/// The types of elements that can be read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementKind {
    /// `bool`
    Bool,
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint8`
    Uint8,
    /// `uint16`
    Uint16,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `float32`
    Float32,
    /// `float64`
    Float64,
}

/// The code in a header, the name in NumPy, the length in bytes.
const KINDS: [(ElementKind, &str, &str, usize); 11] = [
    (ElementKind::Bool, "b1", "bool", 1),
    (ElementKind::Int8, "i1", "int8", 1),
    (ElementKind::Int16, "i2", "int16", 2),
    (ElementKind::Int32, "i4", "int32", 4),
    (ElementKind::Int64, "i8", "int64", 8),
    (ElementKind::Uint8, "u1", "uint8", 1),
    (ElementKind::Uint16, "u2", "uint16", 2),
    (ElementKind::Uint32, "u4", "uint32", 4),
    (ElementKind::Uint64, "u8", "uint64", 8),
    (ElementKind::Float32, "f4", "float32", 4),
    (ElementKind::Float64, "f8", "float64", 8),
];

impl ElementKind {
    fn row(self) -> (&'static str, &'static str, usize) {
        // The table has every kind; a row of the wrong one is better than a panic.
        KINDS.iter().find(|row| row.0 == self).map_or(("b1", "bool", 1), |row| (row.1, row.2, row.3))
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        KINDS.iter().find(|row| row.1 == code).map(|row| row.0)
    }

    /// The name in NumPy.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The bytes of an element.
    pub fn size(self) -> usize {
        self.row().2
    }

    /// What a header says of little-endian elements.
    pub(super) fn descr(self) -> String {
        let (code, _, size) = self.row();
        format!("{}{code}", if size == 1 { '|' } else { '<' })
    }

    pub(super) fn list() -> String {
        KINDS.map(|row| row.2).join(", ")
    }
}

impl Display for ElementKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A type of elements: `bool`, integers of 8 to 64 bits with and without sign, `f32` and `f64`.
pub trait Element: Codec + Copy + 'static {
    /// Its name in files.
    const KIND: ElementKind;
}

/// Elements as bytes. Not nameable elsewhere, so that there are no other elements.
pub trait Codec: Sized {
    /// Appends the elements in `bytes`, or says which one is none and why.
    fn decode(bytes: &[u8], big: bool, out: &mut Vec<Self>) -> Result<(), (usize, u8)>;

    /// Appends the little-endian bytes.
    fn encode(self, out: &mut Vec<u8>);
}

macro_rules! elements {
    ($($type:ty: $kind:ident),*) => {$(
        impl Element for $type {
            const KIND: ElementKind = ElementKind::$kind;
        }
        impl Codec for $type {
            fn decode(bytes: &[u8], big: bool, out: &mut Vec<Self>) -> Result<(), (usize, u8)> {
                let (chunks, _) = bytes.as_chunks::<{ size_of::<$type>() }>();
                out.extend(chunks.iter().map(|&b| if big { Self::from_be_bytes(b) } else { Self::from_le_bytes(b) }));
                Ok(())
            }
            fn encode(self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }
        }
    )*};
}

elements!(i8: Int8, i16: Int16, i32: Int32, i64: Int64, u8: Uint8, u16: Uint16, u32: Uint32, u64: Uint64);
elements!(f32: Float32, f64: Float64);

impl Element for bool {
    const KIND: ElementKind = ElementKind::Bool;
}

impl Codec for bool {
    fn decode(bytes: &[u8], _big: bool, out: &mut Vec<Self>) -> Result<(), (usize, u8)> {
        if let Some((place, &byte)) = bytes.iter().enumerate().find(|&(_, &byte)| byte > 1) {
            return Err((place, byte));
        }
        out.extend(bytes.iter().map(|&byte| byte == 1));
        Ok(())
    }
    fn encode(self, out: &mut Vec<u8>) {
        out.push(u8::from(self));
    }
}
