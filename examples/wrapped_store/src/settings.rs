//! The settings from the provider's profile section and from the environment.

use crate::mapi::{
    IMAPIPropCalls, IProfSect, MapiMemory, PR_PST_PATH, PT_STRING8, PT_UNICODE, SPropTagArray,
    SPropValue, identifier, kind, tag,
};
use mapisync::{ComPtr, HRESULT, Result};
use std::env;
use std::path::PathBuf;
use std::ptr;

/// The property of the profile section that names the library of the wrapped provider. Providers may
/// use the identifiers 0x6600 to 0x67FF for themselves. The PST provider uses some from 0x6700 on.
pub const PR_INNER_LIBRARY: u32 = 0x6680;
/// The property that names the Maildir.
pub const PR_MAILDIR: u32 = 0x6681;
/// The property that names the state file.
pub const PR_STATE_FILE: u32 = 0x6682;

/// The library of the PST provider.
pub const PST_PROVIDER: &str = "mspst32.dll";

/// The settings of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The library of the wrapped provider: the property, or `MAPISYNC_INNER`, or
    /// [`PST_PROVIDER`].
    pub inner: PathBuf,
    /// The Maildir with new mail: the property, or `MAPISYNC_SERVER`.
    pub maildir: Option<PathBuf>,
    /// The file that lists what has been delivered: the property, or `MAPISYNC_STATE`, or the path of
    /// the PST with `.mapisync` added.
    pub state: Option<PathBuf>,
}

impl Settings {
    /// Reads the settings. Without a section they are those of the environment.
    ///
    /// # Errors
    ///
    /// The code of `GetProps`.
    pub fn read(section: Option<&ComPtr<IProfSect>>, memory: &MapiMemory) -> Result<Settings> {
        let wanted = [PR_INNER_LIBRARY, PR_MAILDIR, PR_STATE_FILE, PR_PST_PATH];
        let [inner, maildir, state, pst] = match section {
            Some(section) => strings(section, memory, wanted)?,
            None => Default::default(),
        };
        let path = |property: Option<String>, variable: &str| {
            property
                .map(PathBuf::from)
                .or_else(|| env::var_os(variable).map(PathBuf::from))
                .filter(|path| !path.as_os_str().is_empty())
        };
        let next_to_pst = pst.map(|path| PathBuf::from(path + ".mapisync"));
        Ok(Settings {
            inner: path(inner, "MAPISYNC_INNER").unwrap_or_else(|| PST_PROVIDER.into()),
            maildir: path(maildir, "MAPISYNC_SERVER"),
            state: path(state, "MAPISYNC_STATE").or(next_to_pst),
        })
    }

    /// Returns whether the wrapped provider is the PST provider of Outlook.
    pub fn is_pst(&self) -> bool {
        let name = self.inner.file_name().unwrap_or_default();
        name.eq_ignore_ascii_case(PST_PROVIDER)
    }
}

/// Reads strings of a profile section. A property that it does not have, or that is no string, is
/// `None`.
fn strings<const N: usize>(
    section: &ComPtr<IProfSect>,
    memory: &MapiMemory,
    identifiers: [u32; N],
) -> Result<[Option<String>; N]> {
    // An `SPropTagArray`: the count, then the tags. The type 0 requests any type.
    let mut tags = vec![N as u32];
    tags.extend(identifiers.map(|identifier| tag(0, identifier)));
    let (mut count, mut values) = (0, ptr::null_mut());
    // SAFETY: the array has as many tags as it says. The others are valid for a write.
    let code = unsafe {
        let tags = tags.as_mut_ptr().cast::<SPropTagArray>();
        section.GetProps(tags, 0, &mut count, &mut values)
    };
    code.ok()?; // MAPI_W_ERRORS_RETURNED: some properties are missing
    // SAFETY: the call has succeeded, so this is NULL or a new buffer of MAPI's allocator.
    let values = unsafe { memory.take(values) }.ok_or(HRESULT::MAPI_E_CALL_FAILED)?;
    // SAFETY: the buffer has this many values.
    let values = unsafe { std::slice::from_raw_parts(values.as_ptr(), count as usize) };
    Ok(identifiers.map(|wanted| {
        let found = values.iter().find(|value| identifier(value.ulPropTag) == wanted)?;
        // SAFETY: the section has returned this value, so it is as its tag says.
        unsafe { string(found) }
    }))
}

/// Returns the string of a value, or `None` if it is of another type.
///
/// # Safety
///
/// The value must be as its tag says.
unsafe fn string(value: &SPropValue) -> Option<String> {
    // SAFETY: by this function's contract, the field is valid and points to a string that ends with
    // a 0.
    unsafe {
        match kind(value.ulPropTag) {
            PT_UNICODE if !value.Value.lpszW.is_null() => {
                let units = until_zero(value.Value.lpszW);
                Some(String::from_utf16_lossy(units))
            }
            PT_STRING8 if !value.Value.lpszA.is_null() => {
                let bytes = until_zero(value.Value.lpszA);
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
            _ => None,
        }
    }
}

/// Returns the units before the first 0.
///
/// # Safety
///
/// `units` must point to units of which one is 0, and which live for `'a`.
unsafe fn until_zero<'a, T: Default + PartialEq>(units: *const T) -> &'a [T] {
    let mut length = 0;
    // SAFETY: the units up to the first 0 are valid, by this function's contract.
    unsafe {
        while *units.add(length) != T::default() {
            length += 1;
        }
        std::slice::from_raw_parts(units, length)
    }
}
