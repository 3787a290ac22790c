//! The words of a question: what is left of it when case, spacing and most punctuation are taken away.

/// Lower-case words, numbers and signs of calculation, parted by single spaces.
pub(super) fn normalized(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_word = false;
    for symbol in text.chars().flat_map(char::to_lowercase) {
        let is_part = symbol.is_alphanumeric();
        if !is_part && !"+-*/^=<>|%()[]{}".contains(symbol) {
            is_word = false;
            continue;
        }
        let goes_on = is_part && is_word;
        if !goes_on && !out.is_empty() {
            out.push(' ');
        }
        out.push(symbol);
        is_word = is_part;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_goes_and_calculation_stays() {
        assert_eq!(normalized("  What's 3+5,\tin TOTAL? "), "what s 3 + 5 in total");
        assert_ne!(normalized("3+5"), normalized("3-5"));
        assert_eq!(normalized("…"), "");
    }
}
