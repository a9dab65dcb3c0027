// jest: put into jest-config's own file. The session opens before any configuration of the tree is read; our reporter is added where
// the configuration has been made, so that no argument, environment or configuration file shows it.
'use strict';
const { join } = require('node:path');
const { open } = require('./session.cjs');

module.exports = (config) => {
  const session = open('jest');
  if (session === null) return config;
  const properties = Object.getOwnPropertyDescriptors(config);
  const { readConfigs } = config;
  properties.readConfigs = {
    enumerable: true,
    value: async (...args) => {
      const read = await readConfigs(...args);
      const asked = read.globalConfig.reporters ?? [['default', {}]];
      const changed = {
        ...read.globalConfig,
        reporters: [...asked, [join(__dirname, 'jest-reporter.cjs'), {}]],
        // A snapshot that is not there is no pass.
        updateSnapshot: 'none',
        // A must-fail test must not stop the others.
        ...(session.canaries ? { bail: 0, coverageThreshold: undefined } : {}),
        ...(session.bails ? { bail: 1 } : {}),
      };
      return { ...read, globalConfig: Object.freeze(changed) };
    },
  };
  return Object.create(Object.getPrototypeOf(config), properties);
};
