import { targetContract } from '../testing/contract.ts';
import { stand } from '../testing/stand.ts';

targetContract('docker', stand);
