-- On which links originals move is one of three choices: `any`, `fast`, `never`.
UPDATE meta SET key = 'originals', value = CAST('never' AS BLOB) WHERE key = 'originals_paused';
