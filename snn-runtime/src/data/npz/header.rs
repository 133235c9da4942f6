//! The header of an array: magic bytes, a version, a length, and a Python dictionary as text, such as
//! `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.

use super::ElementKind;
use super::error::{NpzError, Place};

/// The first bytes.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The longest text that is read. That of an array of numbers has about 100 bytes.
pub(super) const TEXT_LIMIT: u64 = 1 << 14;

/// NumPy has no arrays of more dimensions.
pub(super) const MOST_DIMENSIONS: usize = 64;

/// What the text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: ElementKind,
    pub(super) big_endian: bool,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

impl Header {
    /// Reads the text, whose first byte is number `start` of the array.
    pub(super) fn parse(place: &Place, start: u64, text: &[u8]) -> Result<Self, NpzError> {
        let mut parser = Parser { place, start, text, at: 0 };
        let (mut kind, mut fortran_order, mut shape) = (None, None, None);
        parser.token(b'{', "`{`, which begins the description")?;
        while !parser.takes(b'}') {
            let at = parser.at;
            let key = parser.string("a key in quotes or `}`")?;
            parser.token(b':', "`:` after a key")?;
            let new = match key {
                "descr" => kind.replace(parser.descr()?).is_none(),
                "fortran_order" => fortran_order.replace(parser.boolean()?).is_none(),
                "shape" => shape.replace(parser.shape()?).is_none(),
                _ => return Err(parser.wrong(at, "a key `descr`, `fortran_order` or `shape`")),
            };
            if !new {
                return Err(parser.wrong(at, "every key once"));
            }
            if !parser.takes(b',') {
                parser.token(b'}', "`,` or `}` after a value")?;
                break;
            }
        }
        let end = parser.at;
        parser.space();
        if parser.at != text.len() {
            return Err(parser.wrong(parser.at, "nothing but spaces after `}`"));
        }
        match (kind, fortran_order, shape) {
            (Some((kind, big_endian)), Some(fortran_order), Some(shape)) => {
                Ok(Self { kind, big_endian, fortran_order, shape })
            }
            _ => Err(parser.wrong(end, "the keys `descr`, `fortran_order` and `shape` before `}`")),
        }
    }

    /// Everything before the data of a little-endian array in row-major order.
    pub(super) fn bytes(kind: ElementKind, shape: &[usize]) -> Vec<u8> {
        let sizes: String = shape.iter().map(|n| format!("{n}, ")).collect();
        // A tuple of one has a comma, as in Python.
        let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
        let mut text = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({sizes}), }}", kind.descr());
        const BEFORE: usize = 10;
        // Data begins at a multiple of 64 bytes, and the text ends with a line break.
        let length = (BEFORE + text.len() + 1).next_multiple_of(64) - BEFORE;
        text.extend(std::iter::repeat_n(' ', length - 1 - text.len()));
        text.push('\n');
        let mut bytes = [&MAGIC[..], &[1, 0]].concat();
        // At most 64 dimensions of 20 digits: far below 64 KiB.
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }
}

struct Parser<'a> {
    place: &'a Place,
    start: u64,
    text: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn wrong(&self, at: usize, expected: &str) -> NpzError {
        let rest = self.text.get(at..).unwrap_or_default();
        let shown = rest.get(..24).unwrap_or(rest);
        let found =
            if rest.is_empty() { "the end of the header".into() } else { format!("`{}`", shown.escape_ascii()) };
        let byte = self.start + at as u64;
        NpzError::Header { place: self.place.clone(), byte, expected: expected.into(), found }
    }

    fn unsupported(&self, at: usize, found: String, remedy: &'static str) -> NpzError {
        NpzError::Unsupported { place: self.place.clone(), byte: self.start + at as u64, found, remedy }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Whether the next token is `byte`, which is then taken.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn token(&mut self, byte: u8, expected: &str) -> Result<(), NpzError> {
        if self.takes(byte) { Ok(()) } else { Err(self.wrong(self.at, expected)) }
    }

    /// A string without escapes, which the strings of a header do not need.
    fn string(&mut self, expected: &str) -> Result<&'a str, NpzError> {
        self.space();
        let begin = self.at;
        let Some(quote @ (b'\'' | b'"')) = self.peek() else { return Err(self.wrong(begin, expected)) };
        let rest = self.text.get(begin + 1..).unwrap_or_default();
        let length = rest.iter().position(|&b| b == quote);
        let content = length.and_then(|n| rest.get(..n)).and_then(|s| std::str::from_utf8(s).ok());
        let Some(content) = content.filter(|s| !s.contains('\\')) else { return Err(self.wrong(begin, expected)) };
        self.at = begin + content.len() + 2;
        Ok(content)
    }

    fn word(&mut self) -> &'a [u8] {
        self.space();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn boolean(&mut self) -> Result<bool, NpzError> {
        self.space();
        let begin = self.at;
        match self.word() {
            b"True" => Ok(true),
            b"False" => Ok(false),
            _ => Err(self.wrong(begin, "`True` or `False`")),
        }
    }

    /// The type of the elements, and whether they are big-endian.
    fn descr(&mut self) -> Result<(ElementKind, bool), NpzError> {
        self.space();
        let begin = self.at;
        if matches!(self.peek(), Some(b'[' | b'(' | b'{')) {
            return Err(self.unsupported(begin, "a structured type".into(), "save every field as an array of its own"));
        }
        let descr = self.string("the type of the elements in quotes")?;
        let mut characters = descr.chars();
        let order = characters.next();
        let code = characters.as_str();
        let known = ElementKind::from_code(code).filter(|kind| match order {
            Some('<' | '>' | '=') => true,
            Some('|') => kind.size() == 1,
            _ => false,
        });
        let Some(kind) = known else {
            let remedy = match code.chars().next() {
                Some('O') => "objects of Python cannot be read, convert the array to numbers with `.astype`",
                Some('U' | 'S' | 'a') => "text cannot be read, save numbers in its place",
                Some('c') => "save the real and the imaginary part as arrays of their own",
                _ => "convert the array with `.astype`",
            };
            return Err(self.unsupported(begin, format!("`{}`", descr.escape_debug()), remedy));
        };
        let big = match order {
            Some('>') => true,
            Some('=') => cfg!(target_endian = "big"),
            _ => false,
        };
        Ok((kind, big))
    }

    fn shape(&mut self) -> Result<Vec<usize>, NpzError> {
        self.token(b'(', "a tuple of sizes")?;
        let begin = self.at;
        let mut shape = Vec::new();
        while !self.takes(b')') {
            shape.push(self.size()?);
            if !self.takes(b',') {
                // `(3)` is no tuple in Python.
                let expected = if shape.len() == 1 { "`,` after the only size" } else { "`,` or `)` after a size" };
                if shape.len() == 1 || !self.takes(b')') {
                    return Err(self.wrong(self.at, expected));
                }
                break;
            }
        }
        if shape.len() > MOST_DIMENSIONS {
            return Err(self.wrong(begin, &format!("at most {MOST_DIMENSIONS} sizes")));
        }
        Ok(shape)
    }

    fn size(&mut self) -> Result<usize, NpzError> {
        const EXPECTED: &str = "a size of at least 0 that fits the address space";
        self.space();
        let begin = self.at;
        let word = self.word();
        // Python 2 wrote long numbers with an L.
        let digits = word.strip_suffix(b"L").unwrap_or(word);
        let size = std::str::from_utf8(digits).ok().filter(|s| s.bytes().all(|b| b.is_ascii_digit()));
        size.and_then(|s| s.parse().ok()).ok_or_else(|| self.wrong(begin, EXPECTED))
    }
}
