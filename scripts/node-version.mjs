// @ts-check
// Loaded by every entry script before anything else, so it must parse on any Node that knows ES modules.

/** Says in one line what is wrong when this Node is too old. @returns {boolean} whether this Node will do */
export function nodeWillDo() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (Number(major) > 20 || (Number(major) === 20 && Number(minor) >= 19)) return true;
  console.error(
    `Soko needs Node.js 20.19 or newer and this is ${process.versions.node}: install a newer one from https://nodejs.org`,
  );
  return false;
}
