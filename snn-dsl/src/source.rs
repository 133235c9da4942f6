//! Source texts and places in them.

/// A source text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u16);

/// A half-open range of bytes in one source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From the beginning of `self` to the end of `other` (both in the same text).
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One source text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// What diagnostics call it: a path, `<inline model>` or `library/LIF.snn`.
    pub name: String,
    /// The text.
    pub text: String,
    /// Shipped with the compiler.
    pub is_library: bool,
    /// Where its lines start, so that nobody has to count them for every diagnostic.
    starts: Vec<usize>,
    /// How many characters stand before every [`STRIDE`]th byte.
    characters: Vec<usize>,
}

const STRIDE: usize = 256;

impl SourceFile {
    fn new(name: String, text: String, is_library: bool) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        let blocks = text.as_bytes().chunks(STRIDE).map(characters).scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        });
        let characters = std::iter::once(0).chain(blocks).collect();
        Self { name, text, is_library, starts, characters }
    }

    /// The line of a byte, from 0.
    pub fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at).saturating_sub(1)
    }

    /// The bytes of a line, without its end.
    pub fn line_range(&self, line: usize) -> std::ops::Range<usize> {
        let start = self.starts.get(line).copied().unwrap_or(self.text.len());
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        start..end.max(start)
    }

    /// The line and column (in characters) of a byte, from 1.
    pub fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        let start = self.line_range(line).start;
        (line + 1, self.characters_before(at).saturating_sub(self.characters_before(start)) + 1)
    }

    fn characters_before(&self, at: usize) -> usize {
        let at = at.min(self.text.len());
        let block = at / STRIDE;
        let before = self.characters.get(block).copied().unwrap_or(0);
        before + self.text.as_bytes().get(block * STRIDE..at).map_or(0, characters)
    }
}

/// The characters that begin in these bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b & 0xc0 != 0x80).count()
}

/// The source texts of one compilation.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>, is_library: bool) -> FileId {
        self.files.push(SourceFile::new(name.into(), text.into(), is_library));
        FileId((self.files.len() - 1) as u16)
    }

    /// The text with that id.
    ///
    /// # Panics
    /// If the id comes from another map.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[usize::from(id.0)]
    }

    /// All texts in the order in which they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, f)| (FileId(i as u16), f))
    }

    /// The text at a place; empty if the span does not fit.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::SourceMap;

    #[test]
    fn positions_count_characters() {
        let mut sources = SourceMap::default();
        let text = format!("a\n\u{b5}m = {}\u{3a9}x\n\nend", "y".repeat(600));
        let id = sources.add("", text.clone(), false);
        let file = sources.file(id);
        for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let before = &text[..at];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            assert_eq!(file.position(at), (line, column), "{at}");
        }
        assert_eq!(file.line_range(0), 0..1);
        assert_eq!(&text[file.line_range(3)], "end");
        assert_eq!(file.line_range(9), text.len()..text.len());
    }
}
