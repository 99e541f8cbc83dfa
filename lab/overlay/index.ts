export { OverlayLab, type OverlayLabOptions } from './overlay-lab.js';
