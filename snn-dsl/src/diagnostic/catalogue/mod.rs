//! What each code means: a page that says what is wrong and why the language insists, with a text that makes the mistake and
//! the same text mended. The compiler holds every page to its word in `tests/catalogue.rs`.

/// The codes with their pages; a page is the file of that name.
macro_rules! pages {
    ($($code:literal)*) => { &[$(($code, include_str!(concat!($code, ".md")))),*] };
}

/// In ascending order, errors before warnings.
static PAGES: &[(&str, &str)] = pages! {
    "E0101" "E0102" "E0103" "E0104" "E0105" "E0106" "E0107" "E0108" "E0109" "E0110" "E0111"
    "E0201" "E0202" "E0203" "E0204" "E0205" "E0206" "E0207" "E0208" "E0209" "E0210" "E0211" "E0212"
    "E0301" "E0302" "E0303" "E0304" "E0305" "E0306" "E0307" "E0308" "E0309" "E0310" "E0311" "E0312"
    "E0401" "E0402" "E0403" "E0404" "E0405" "E0406" "E0407" "E0408" "E0409" "E0410" "E0411" "E0412"
    "E0413" "E0414" "E0415" "E0416" "E0417" "E0418" "E0419" "E0420" "E0421" "E0422" "E0423"
    "E0501" "E0502" "E0503" "E0504" "E0505" "E0506" "E0507" "E0508" "E0509" "E0510" "E0511" "E0512"
    "E0513" "E0514" "E0515" "E0516"
    "E0601" "E0602" "E0603" "E0604" "E0605" "E0606" "E0607" "E0608" "E0609"
    "E0900"
    "W0401" "W0402" "W0403" "W0404" "W0405" "W0406" "W0407" "W0408"
};

/// All codes: errors, then warnings, each in ascending order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|page| page.0)
}

/// The page of a code, as Markdown: its first line is the title, and of its two examples the first is wrong.
pub fn explanation(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|page| page.0 == code).map(|page| page.1)
}

/// What a code means, in one line.
pub fn title(code: &str) -> Option<&'static str> {
    let line = explanation(code)?.lines().next()?;
    line.split_once(": ").map(|(_, title)| title)
}

/// The code that someone means who types `e0201`, `0201` or `201`; a number alone is that of an error.
pub fn meant(word: &str) -> Option<&'static str> {
    let word = word.trim().to_ascii_uppercase();
    let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    let full = if is_number { format!("E{word:0>4}") } else { word };
    codes().find(|code| *code == full)
}
