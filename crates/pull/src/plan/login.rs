//! Who we are to a server: what URLs have before their `@`.

use std::fmt;

use srs_names::percent_decode;

use super::Scheme;

/// A user and a password. No text shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password; empty for none.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(set)")
    }
}

/// Why a URL's login cannot be used. It tells nothing of what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLogin {
    /// RTMP has no place for one.
    #[error("no login in RTMP URLs: what the server is to know stands behind the `?`")]
    Rtmp,
    /// Nor has SRT.
    #[error("no login in SRT URLs: what the server is to know stands behind the `?`, or in the streamid")]
    Srt,
    /// What no server would understand.
    #[error(
        "bad login: want user:password, with %-escapes for what is no letter or digit, and neither control characters \
         nor a colon in the user"
    )]
    Spelling,
}

/// Takes the login off the front of an authority, `user:password@host:port`; both with percent-escapes (RFC 3986 3.2.1).
///
/// # Errors
/// [`NoLogin`].
pub(crate) fn without_login(authority: &str, scheme: Scheme) -> Result<(Option<Login>, &str), NoLogin> {
    // A password with an `@` that is not escaped is still no part of a host.
    let Some((login, server)) = authority.rsplit_once('@') else { return Ok((None, authority)) };
    match scheme {
        Scheme::Rtmp => return Err(NoLogin::Rtmp),
        Scheme::Srt => return Err(NoLogin::Srt),
        _ => {}
    }
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let part = |text: &str| {
        let text = percent_decode(text).filter(|text| !text.contains(char::is_control));
        text.map(|text| text.into_owned()).ok_or(NoLogin::Spelling)
    };
    let login = Login { user: part(user)?, password: part(password)? };
    // Neither way of telling it can say such a user.
    if login.user.contains(':') {
        return Err(NoLogin::Spelling);
    }
    Ok((Some(login), server))
}

/// A URL, or what should be one, for a text about it: all that stands before an `@` may be a secret, also where it is not
/// spelt as a login, and so is what follows a `passphrase=` or a `streamid=`.
pub(crate) fn masked(url: &str) -> String {
    let mut url = url.to_owned();
    for key in ["passphrase=", "streamid="] {
        url = without_value(&url, key);
    }
    url.rsplit_once('@').map_or_else(|| url.clone(), |(_, rest)| format!("***@{rest}"))
}

/// A text with each value of this key masked.
fn without_value(text: &str, key: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Letters of another case are as many bytes.
    while let Some(at) = rest.to_ascii_lowercase().find(key) {
        let (head, tail) = rest.split_at_checked(at.saturating_add(key.len())).unwrap_or((rest, ""));
        out.push_str(head);
        out.push_str("***");
        rest = tail.find('&').and_then(|end| tail.get(end..)).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
