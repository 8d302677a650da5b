// @ts-check
/** @typedef {{ phone: string, name: string }} Customer */

/** @type {Customer[]} */
export const SUGGESTIONS = [
  { phone: '+263771234567', name: 'Rudo Chikafu' },
  { phone: '+263772345678', name: 'Tendai Moyo' },
  { phone: '+254712345678', name: 'Wanjiku Kamau' },
  { phone: '+2348031234567', name: 'Chidi Okafor' },
];

/** @template T @param {string} key @param {T} missing @returns {T} */
export function load(key, missing) {
  try {
    return JSON.parse(localStorage.getItem(`soko.simulator.${key}`) ?? 'null') ?? missing;
  } catch {
    return missing;
  }
}

/** A full or forbidden store costs what a reload would have kept, and nothing else. @param {string} key @param {unknown} value */
export function save(key, value) {
  try {
    localStorage.setItem(`soko.simulator.${key}`, JSON.stringify(value));
  } catch {
    console.warn(`the browser's store takes no more: ${key} is kept until the next reload only`);
  }
}

/** The newest `count` entries of a record. @template T @param {Record<string, T>} record @param {number} count @returns {Record<string, T>} */
export const newest = (record, count) => Object.fromEntries(Object.entries(record).slice(-count));

const PHOTOS = 12;
/** Small copies of the photos sent from this browser, as data URLs by waMessageId. @type {Record<string, string>} */
let photos = load('photos', {});

/** @param {string} waMessageId */
export const photoOf = (waMessageId) => photos[waMessageId];

/** @param {string} waMessageId @param {File} file */
export async function keepPhoto(waMessageId, file) {
  const image = await createImageBitmap(file);
  const scale = Math.min(1, 360 / Math.max(image.width, image.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  photos = newest({ ...photos, [waMessageId]: canvas.toDataURL('image/jpeg', 0.7) }, PHOTOS);
  save('photos', photos);
}
