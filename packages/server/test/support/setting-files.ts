import type { FileReader } from '#config/files.ts';

/** Reads from these texts by path; the text `unreadable` stands for a file that must not be read. */
export function settingFiles(files: Readonly<Record<string, string | undefined>>): FileReader {
  return (path) => {
    const text = files[path];
    if (text === 'unreadable') return { kind: 'unreadable', reason: 'EACCES' };
    return text === undefined ? { kind: 'absent' } : { kind: 'text', text };
  };
}
