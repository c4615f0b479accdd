// npm's package bcbp, one request a line: {"decode": text} or {"encode": pass}; the answer is one line of JSON.
const { decode, encode } = require(process.argv[2]);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const asked = JSON.parse(line);
  const revived = asked.encode && JSON.parse(JSON.stringify(asked.encode), (key, value) => (/Date$/.test(key) ? new Date(value) : value));
  console.log(JSON.stringify(asked.decode !== undefined ? decode(asked.decode, 2026) : encode(revived)));
});
