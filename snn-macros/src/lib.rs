//! `snn_model!`: equations of spiking neurons in Rust source, compiled to specialised stepping and training code.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::quote;
use snn_dsl::build::{Options, Output, compile_source};
use snn_dsl::diagnostic::{Diagnostic, Severity, Style, render};
use snn_dsl::syntax::tokens::{TokenText, text_of};
use std::path::Path;
use syn::LitStr;

/// Compiles a model: a file, named relative to the crate's manifest or by an absolute path, or the text itself.
///
/// ```ignore
/// snn_model!("models/digits.snn");
///
/// snn_model! {
///     neuron LI {
///         param tau = 20 ms
///         event exc : mV
///         state V : mV = 0 mV
///         tau dV/dt = -V
///         on exc { V += exc }
///         integrate exponential_euler
///     }
/// }
///
/// // If `snn_runtime` goes by another name:
/// snn_model!(crate = ::my::runtime, "models/digits.snn");
/// ```
///
/// Every neuron becomes a struct of its parameters that implements `snn_runtime::Kernel`; every network becomes a
/// struct with `new`, `forward` and `loss_and_gradient`. Mistakes of the model are compile errors; those of an inline
/// model underline the equation.
#[proc_macro]
pub fn snn_model(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into()).into()
}

fn expand(input: TokenStream) -> TokenStream {
    let (options, model) = match options(input) {
        Ok(parts) => parts,
        Err(error) => return error.into_compile_error(),
    };
    let mut tokens = model.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Literal(path)), None) => file(path, &options),
        _ => inline(model, &options),
    }
}

/// Takes `crate = PATH,` off the front.
fn options(input: TokenStream) -> Result<(Options, TokenStream), compile_error::Error> {
    let mut tokens = input.clone().into_iter();
    match tokens.next() {
        Some(TokenTree::Ident(word)) if word == "crate" => {
            let Some(TokenTree::Punct(equals)) = tokens.next() else {
                return Err(compile_error::Error::at(word.span(), "expected `crate = ::path::to::snn_runtime,`"));
            };
            let path: Vec<TokenTree> =
                tokens.by_ref().take_while(|t| !matches!(t, TokenTree::Punct(p) if p.as_char() == ',')).collect();
            if equals.as_char() != '=' || path.is_empty() {
                return Err(compile_error::Error::at(word.span(), "expected `crate = ::path::to::snn_runtime,`"));
            }
            let runtime = path.into_iter().collect::<TokenStream>().to_string();
            Ok((Options { runtime }, tokens.collect()))
        }
        _ => Ok((Options::default(), input)),
    }
}

/// A model in a file.
fn file(path: Literal, options: &Options) -> TokenStream {
    let span = path.span();
    let Ok(path) = syn::parse2::<LitStr>(TokenTree::Literal(path).into()) else {
        return compile_error::Error::at(span, "expected the path of a .snn file in quotes").into_compile_error();
    };
    let name = path.value();
    let directory = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    // An absolute path replaces the directory.
    let is_relative = Path::new(&name).is_relative();
    let source = match std::fs::read_to_string(Path::new(&directory).join(&name)) {
        Ok(source) => source,
        Err(error) => {
            let place = if is_relative { ", relative to the manifest of this crate" } else { "" };
            let message = format!("cannot read {name}{place}: {error}");
            return compile_error::Error::at(span, &message).into_compile_error();
        }
    };
    let output = match compile_source(&name, &source, options) {
        Ok(output) => output,
        Err(message) => return compile_error::Error::at(Span::call_site(), &message).into_compile_error(),
    };
    match &output.code {
        Some(code) => {
            // Makes the compiler look at the file again when it changes.
            let place = if is_relative {
                quote! { concat!(env!("CARGO_MANIFEST_DIR"), "/", #path) }
            } else {
                quote! { #path }
            };
            quote! {
                const _: &[u8] = include_bytes!(#place);
                #code
            }
        }
        None => {
            let errors = errors(&output).map(|d| {
                let text = render(&output.sources, d, Style::Plain);
                compile_error::Error::at(span, text.trim_end()).into_compile_error()
            });
            errors.collect()
        }
    }
}

/// A model between the braces of the macro.
fn inline(model: TokenStream, options: &Options) -> TokenStream {
    let text = text_of(model, |span| span.unwrap().line());
    let output = match compile_source("inline model", &text.text, options) {
        Ok(output) => output,
        Err(message) => return compile_error::Error::at(Span::call_site(), &message).into_compile_error(),
    };
    match &output.code {
        Some(code) => code.clone(),
        None => errors(&output).map(|d| inline_error(d, &text)).collect(),
    }
}

fn inline_error(diagnostic: &Diagnostic, text: &TokenText) -> TokenStream {
    let mut message = format!("[{}] {}", diagnostic.code, diagnostic.message);
    if let Some(label) = diagnostic.labels.first().filter(|l| !l.text.is_empty()) {
        message.push_str(&format!("\nhere: {}", label.text));
    }
    for hint in &diagnostic.hints {
        message.push_str(&format!("\nhelp: {hint}"));
    }
    if text.single_line && diagnostic.code.starts_with("E01") {
        message.push_str(
            "\nhelp: all tokens of this model report one line, as if they came through another macro: \
             end every statement with `;`",
        );
    }
    // The first text of a compilation is the model itself; others are library texts.
    let place = diagnostic.span().filter(|s| s.file.0 == 0);
    let spans = place.and_then(|s| text.spans(s.start as usize..s.end as usize));
    let (start, end) = spans.unwrap_or((Span::call_site(), Span::call_site()));
    compile_error::Error { start, end, message }.into_compile_error()
}

fn errors(output: &Output) -> impl Iterator<Item = &Diagnostic> {
    output.diagnostics.iter().filter(|d| d.severity == Severity::Error)
}

/// `compile_error!` with a place of two ends.
mod compile_error {
    use super::{Ident, Span, TokenStream, TokenTree};
    use proc_macro2::{Delimiter, Group, Literal, Punct, Spacing};

    pub(crate) struct Error {
        pub(crate) start: Span,
        pub(crate) end: Span,
        pub(crate) message: String,
    }

    impl Error {
        pub(crate) fn at(span: Span, message: &str) -> Self {
            Self { start: span, end: span, message: message.to_string() }
        }

        /// Rust underlines from the first token of the macro call to its last.
        pub(crate) fn into_compile_error(self) -> TokenStream {
            let at = |mut token: TokenTree, span: Span| {
                token.set_span(span);
                token
            };
            let text = at(TokenTree::Literal(Literal::string(&self.message)), self.end);
            let group = Group::new(Delimiter::Brace, TokenStream::from(text));
            [
                at(TokenTree::Punct(Punct::new(':', Spacing::Joint)), self.start),
                at(TokenTree::Punct(Punct::new(':', Spacing::Alone)), self.start),
                at(TokenTree::Ident(Ident::new("core", self.start)), self.start),
                at(TokenTree::Punct(Punct::new(':', Spacing::Joint)), self.start),
                at(TokenTree::Punct(Punct::new(':', Spacing::Alone)), self.start),
                at(TokenTree::Ident(Ident::new("compile_error", self.start)), self.start),
                at(TokenTree::Punct(Punct::new('!', Spacing::Alone)), self.start),
                at(TokenTree::Group(group), self.end),
            ]
            .into_iter()
            .collect()
        }
    }
}
