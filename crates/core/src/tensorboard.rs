//! Event files that TensorBoard reads: scalars only.
//!
//! A file is a sequence of TFRecords, each `length: u64 LE, masked CRC-32C of the length: u32 LE, bytes, masked CRC-32C of
//! the bytes: u32 LE`; the bytes are a protobuf `Event { 1: double wall_time, 2: int64 step, 3: string file_version,
//! 5: Summary { 1: Value { 1: string tag, 2: float simple_value } } }`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{CoreError, Result};

/// Writes one event file.
pub struct EventWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventWriter {
    /// Starts a new event file in `folder`; runs that go on after a pause have several, which TensorBoard joins.
    pub fn create(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(CoreError::io(folder))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = folder.join(format!(
            "events.out.tfevents.{:010}.{}.{}",
            now.as_secs(),
            std::process::id(),
            now.subsec_nanos()
        ));
        let file = BufWriter::new(File::create_new(&path).map_err(CoreError::io(&path))?);
        let mut writer = Self { path, file };
        let mut event = Vec::new();
        double(&mut event, 1, now.as_secs_f64());
        bytes(&mut event, 3, b"brain.Event:2");
        writer.record(&event)?;
        Ok(writer)
    }

    /// Adds one value of the series `tag` at `step`.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Result<()> {
        let mut point = Vec::new();
        bytes(&mut point, 1, tag.as_bytes());
        key(&mut point, 2, 5);
        point.extend((value as f32).to_le_bytes());
        let mut summary = Vec::new();
        bytes(&mut summary, 1, &point);
        let mut event = Vec::new();
        double(&mut event, 1, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        key(&mut event, 2, 0);
        varint(&mut event, step);
        bytes(&mut event, 5, &summary);
        self.record(&event)
    }

    /// Hands what is buffered to the system.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(CoreError::io(&self.path))
    }

    fn record(&mut self, event: &[u8]) -> Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        let mut write = |part: &[u8]| self.file.write_all(part);
        write(&length)
            .and_then(|()| write(&masked_crc(&length).to_le_bytes()))
            .and_then(|()| write(event))
            .and_then(|()| write(&masked_crc(event).to_le_bytes()))
            .map_err(CoreError::io(&self.path))
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn key(out: &mut Vec<u8>, field: u64, wire: u64) {
    varint(out, field << 3 | wire);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

/// CRC-32C (Castagnoli), bit by bit: a few hundred bytes an epoch do not need a table.
fn crc32c(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0x82F6_3B78 } else { c >> 1 })
    })
}

/// TFRecord's mask: a CRC of data that itself holds CRCs would be weak.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn crc_of_the_standard_check_string() {
        // RFC 3720 appendix B.4 and the usual check value of CRC-32C.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
    }

    #[test]
    fn records_are_framed_and_hold_the_scalar() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path()).unwrap();
        writer.scalar("train/loss", 300, 1.25).unwrap();
        writer.flush().unwrap();
        let data = std::fs::read(&writer.path).unwrap();
        let mut at = 0;
        let mut events = Vec::new();
        while at < data.len() {
            let length = u64::from_le_bytes(data[at..at + 8].try_into().unwrap()) as usize;
            assert_eq!(data[at + 8..at + 12], masked_crc(&data[at..at + 8]).to_le_bytes());
            let event = &data[at + 12..at + 12 + length];
            assert_eq!(data[at + 12 + length..at + 16 + length], masked_crc(event).to_le_bytes());
            events.push(event.to_vec());
            at += 16 + length;
        }
        assert_eq!(events.len(), 2);
        assert!(events[0].ends_with(b"brain.Event:2"));
        // step 300 = varint AC 02 after key 0x10; the value 1.25 closes the event.
        assert_eq!(events[1][9..12], [0x10, 0xAC, 0x02]);
        assert!(events[1].ends_with(&1.25_f32.to_le_bytes()));
        assert!(events[1].windows(10).any(|w| w == b"train/loss"));
    }
}
