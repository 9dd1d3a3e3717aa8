//! `Properties`: values for `SetProps`, with the memory that they point to.

use super::{FILETIME, MapiBuffer, MapiMemory, PropertyValue, SBinary, SPropValue};
use super::{PT_BINARY, PT_LONG, PT_SYSTIME, PT_UNICODE, kind};
use mapisync::Result;

/// Property values in MAPI's memory.
///
/// `SetProps` only reads them. `ModifyRecipients` may replace them, so they must be buffers of
/// MAPI's allocator there.
#[derive(Default)]
pub struct Properties(Vec<(u32, Value)>);

enum Value {
    Long(i32),
    Text(Vec<u16>),
    Binary(Vec<u8>),
    Time(FILETIME),
}

/// The number of 100-nanosecond intervals in a second.
const INTERVALS: i64 = 10_000_000;
/// The number of seconds from 1601 to 1970.
const SECONDS_TO_1970: i64 = 11_644_473_600;

impl Properties {
    /// Adds a string. A NUL in it becomes U+FFFD.
    pub fn text(&mut self, tag: u32, text: &str) {
        assert_eq!(kind(tag), PT_UNICODE);
        let without_nul = |unit| if unit == 0 { 0xFFFD } else { unit };
        let units = text.encode_utf16().map(without_nul).chain([0]).collect();
        self.0.push((tag, Value::Text(units)));
    }

    /// Adds an integer.
    pub fn long(&mut self, tag: u32, value: i32) {
        assert_eq!(kind(tag), PT_LONG);
        self.0.push((tag, Value::Long(value)));
    }

    /// Adds bytes.
    pub fn binary(&mut self, tag: u32, bytes: &[u8]) {
        assert_eq!(kind(tag), PT_BINARY);
        self.0.push((tag, Value::Binary(bytes.to_vec())));
    }

    /// Adds a point in time, in seconds since 1970. A time before 1601, or after the last one that a
    /// `FILETIME` can have, is left out.
    pub fn time(&mut self, tag: u32, seconds: i64) {
        assert_eq!(kind(tag), PT_SYSTIME);
        let intervals = seconds
            .checked_add(SECONDS_TO_1970)
            .and_then(|seconds| seconds.checked_mul(INTERVALS))
            .and_then(|intervals| u64::try_from(intervals).ok());
        if let Some(intervals) = intervals {
            let time = FILETIME {
                dwLowDateTime: intervals as u32,
                dwHighDateTime: (intervals >> 32) as u32,
            };
            self.0.push((tag, Value::Time(time)));
        }
    }

    /// Returns the number of properties.
    pub fn count(&self) -> u32 {
        self.0.len() as u32
    }

    /// Copies the properties into one buffer. Strings and bytes belong to it.
    ///
    /// # Errors
    ///
    /// Those of MAPI's allocator.
    pub fn allocate(&self, memory: &MapiMemory) -> Result<MapiBuffer<SPropValue>> {
        let value =
            |tag| SPropValue { ulPropTag: tag, dwAlignPad: 0, Value: PropertyValue { li: 0 } };
        let values: Vec<_> = self.0.iter().map(|(tag, _)| value(*tag)).collect();
        let buffer = memory.allocate(&values)?;
        for (index, (_, value)) in self.0.iter().enumerate() {
            let value = match value {
                Value::Long(value) => PropertyValue { l: *value },
                Value::Time(time) => PropertyValue { ft: *time },
                Value::Text(units) => {
                    PropertyValue { lpszW: memory.allocate_more(&buffer, units)? }
                }
                Value::Binary(bytes) => PropertyValue {
                    bin: SBinary {
                        cb: bytes.len() as u32,
                        lpb: memory.allocate_more(&buffer, bytes)?,
                    },
                },
            };
            // SAFETY: the buffer has this many values, and nothing else uses it.
            unsafe { (*buffer.as_ptr().add(index)).Value = value };
        }
        Ok(buffer)
    }
}
