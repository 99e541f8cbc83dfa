export { NetnsDriver, type NetnsDriverOptions } from './driver.js';
export { interfaceNameOf } from './interfaces.js';
export { forgetWire } from './wire.js';
