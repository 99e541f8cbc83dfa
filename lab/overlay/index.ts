export { DAEMON_COMMAND } from './daemon-command.js';
export { OverlayLab, type OverlayLabOptions } from './overlay-lab.js';
