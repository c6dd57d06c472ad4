//! What keys mean.

use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What the user wants of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// To end it, as Ctrl+C does.
    Quit,
    /// To pause it, or to go on.
    Pause,
    /// More load.
    More,
    /// Less load.
    Less,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Press {
    Run(Key),
    /// Shows or hides the help.
    Help,
    /// Gives the terminal back to the shell for a while.
    Suspend,
    Nothing,
}

/// What is meant by a key.
pub(super) fn press(event: KeyEvent) -> Press {
    if event.kind == KeyEventKind::Release {
        return Press::Nothing;
    }
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    match event.code {
        KeyCode::Char('c') if control => Press::Run(Key::Quit),
        KeyCode::Char('z') if control => Press::Suspend,
        _ if control => Press::Nothing,
        KeyCode::Char('q' | 'Q') => Press::Run(Key::Quit),
        KeyCode::Char('p' | 'P' | ' ') => Press::Run(Key::Pause),
        KeyCode::Char('+' | '=') => Press::Run(Key::More),
        KeyCode::Char('-' | '_') => Press::Run(Key::Less),
        KeyCode::Char('?' | 'h') | KeyCode::F(1) | KeyCode::Esc => Press::Help,
        _ => Press::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_the_help_says() {
        let key = |code, modifiers| press(KeyEvent::new(code, modifiers));
        for (code, modifiers, meant) in [
            (KeyCode::Char('q'), KeyModifiers::NONE, Press::Run(Key::Quit)),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, Press::Run(Key::Quit)),
            (KeyCode::Char('c'), KeyModifiers::NONE, Press::Nothing),
            (KeyCode::Char('q'), KeyModifiers::CONTROL, Press::Nothing),
            (KeyCode::Char('z'), KeyModifiers::CONTROL, Press::Suspend),
            (KeyCode::Char('p'), KeyModifiers::NONE, Press::Run(Key::Pause)),
            (KeyCode::Char('+'), KeyModifiers::SHIFT, Press::Run(Key::More)),
            (KeyCode::Char('-'), KeyModifiers::NONE, Press::Run(Key::Less)),
            (KeyCode::Char('?'), KeyModifiers::SHIFT, Press::Help),
        ] {
            assert_eq!(key(code, modifiers), meant, "{code:?} {modifiers:?}");
        }
        let released = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::from(KeyCode::Char('q')) };
        assert_eq!(press(released), Press::Nothing);
    }
}
