export { Adaptation, type Controller, type ControllerParts, type LoadController } from './adaptation.js';
export { loadController } from './load-controller.js';
export { overrule } from './overrule.js';
