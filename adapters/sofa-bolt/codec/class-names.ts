const MODEL = 'com.alipay.sofa.registry.core.model';

/** The Java class of each message: it stands in the frame, where it selects the handler, and again in the Hessian content. */
export const BoltClass = {
  PublisherRegister: `${MODEL}.PublisherRegister`,
  SubscriberRegister: `${MODEL}.SubscriberRegister`,
  ConfiguratorRegister: `${MODEL}.ConfiguratorRegister`,
  RegisterResponse: `${MODEL}.RegisterResponse`,
  SyncConfigRequest: `${MODEL}.SyncConfigRequest`,
  SyncConfigResponse: `${MODEL}.SyncConfigResponse`,
  ReceivedData: `${MODEL}.ReceivedData`,
  ReceivedConfigData: `${MODEL}.ReceivedConfigData`,
  MultiReceivedData: `${MODEL}.MultiReceivedData`,
  MultiSegmentData: `${MODEL}.MultiSegmentData`,
  DataBox: `${MODEL}.DataBox`,
  Result: `${MODEL}.Result`,
} as const;
export type BoltClass = (typeof BoltClass)[keyof typeof BoltClass];
