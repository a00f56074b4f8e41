/**
 * The release of Home Assistant whose rules these tables hold. Sources in home-assistant/core: `homeassistant/components/` and the
 * file named at each table.
 */
export const RELEASE = "2026.9.4";

interface SensorClass {
  /** Absent: any unit, or none. Empty: no unit. */
  readonly units?: readonly string[];
  readonly stateClasses: readonly string[];
  /** It may also have no unit. */
  readonly isUnitless?: true;
}

const list = (text: string) => (text === "" ? [] : text.split(" "));
const measured = (units: string): SensorClass => ({ units: list(units), stateClasses: ["measurement"] });
const summed = (units: string): SensorClass => ({
  units: list(units),
  stateClasses: ["total", "total_increasing"],
});
const ANY_STATE_CLASS = ["measurement", "measurement_angle", "total", "total_increasing"];
const either = (units: string): SensorClass => ({ units: list(units), stateClasses: ANY_STATE_CLASS });
const timed: SensorClass = { units: [], stateClasses: [], isUnitless: true };

const ENERGY = "J kJ MJ GJ mWh Wh kWh MWh GWh TWh cal kcal Mcal Gcal";
const PRESSURE = "Pa bar cbar hPa inHg inH₂O kPa mPa mbar mmHg psi";
const SPEED = "Beaufort ft/s in/s km/h kn m/min m/s mm/s mph";
const VOLUME = [...list("CCF L MCF ft³ gal mL m³"), "fl. oz."];

/** `sensor/const.py`: `DEVICE_CLASS_UNITS` and `DEVICE_CLASS_STATE_CLASSES`. */
export const SENSOR_CLASSES: Readonly<Record<string, SensorClass>> = {
  absolute_humidity: measured("g/m³ mg/m³"),
  apparent_power: measured("VA kVA mVA"),
  aqi: { ...measured(""), isUnitless: true },
  area: either("ac cm² ft² ha in² km² mi² mm² m² yd²"),
  atmospheric_pressure: measured(PRESSURE),
  battery: measured("%"),
  blood_glucose_concentration: measured("mg/dL mmol/L"),
  carbon_dioxide: measured("ppm"),
  carbon_monoxide: measured("mg/m³ ppb ppm μg/m³"),
  conductivity: measured("S/cm mS/cm μS/cm"),
  current: measured("A mA μA"),
  data_rate: measured("B/s GB/s Gbit/s GiB/s KiB/s MB/s Mbit/s MiB/s bit/s kB/s kbit/s"),
  data_size: either("B EB EiB GB Gbit GiB KiB MB Mbit MiB PB PiB TB TiB YB YiB ZB ZiB bit kB kbit"),
  date: timed,
  distance: either("cm ft in km m mi mm nmi yd"),
  duration: either("d h min ms s μs"),
  energy: summed(ENERGY),
  energy_distance: measured("Wh/km kWh/100km km/kWh mi/kWh"),
  energy_storage: measured(ENERGY),
  enum: timed,
  frequency: measured("GHz Hz MHz kHz mHz"),
  gas: summed("CCF L MCF ft³ m³"),
  humidity: measured("%"),
  illuminance: measured("lx"),
  irradiance: measured("BTU/(h⋅ft²) W/m²"),
  moisture: measured("%"),
  monetary: { stateClasses: ["total"] },
  nitrogen_dioxide: measured("ppb ppm μg/m³"),
  nitrogen_monoxide: measured("ppb μg/m³"),
  nitrous_oxide: measured("μg/m³"),
  ozone: measured("ppb ppm μg/m³"),
  ph: { ...measured(""), isUnitless: true },
  pm1: measured("μg/m³"),
  pm10: measured("μg/m³"),
  pm25: measured("μg/m³"),
  pm4: measured("μg/m³"),
  power: measured("GW MW TW W kW mW"),
  power_factor: { ...measured("%"), isUnitless: true },
  precipitation: either("cm in mm"),
  precipitation_intensity: measured("in/d in/h mm/d mm/h"),
  pressure: measured(PRESSURE),
  radon: measured("Bq/m³ pCi/L"),
  reactive_energy: summed("kvarh varh"),
  reactive_power: measured("kvar mvar var"),
  signal_strength: measured("dB dBm"),
  sound_pressure: measured("dB dBA"),
  speed: measured(`${SPEED} in/d in/h mm/d mm/h`),
  sulphur_dioxide: measured("ppb μg/m³"),
  temperature: measured("K °C °F"),
  temperature_delta: measured("K °C °F"),
  timestamp: timed,
  uptime: timed,
  volatile_organic_compounds: measured("mg/m³ μg/m³"),
  volatile_organic_compounds_parts: measured("ppb ppm"),
  voltage: measured("MV V kV mV μV"),
  volume: { units: VOLUME, stateClasses: ["total", "total_increasing"] },
  volume_flow_rate: measured("L/h L/min L/s ft³/min gal/d gal/h gal/min mL/s m³/h m³/min m³/s"),
  volume_storage: { units: VOLUME, stateClasses: ["measurement"] },
  water: summed("CCF L MCF ft³ gal m³"),
  weight: {
    units: list("g kg lb mg oz st μg"),
    stateClasses: ["measurement", "total", "total_increasing"],
  },
  wind_direction: { units: ["°"], stateClasses: ["measurement_angle"] },
  wind_speed: measured(SPEED),
};

/** `sensor/const.py`: `NON_NUMERIC_DEVICE_CLASSES`. */
export const NON_NUMERIC_CLASSES: ReadonlySet<string> = new Set(["date", "enum", "timestamp", "uptime"]);

/** `sensor/const.py`: `SensorStateClass` and `STATE_CLASS_UNITS`. Null: any unit. */
export const STATE_CLASSES: Readonly<Record<string, readonly string[] | null>> = {
  measurement: null,
  measurement_angle: ["°"],
  total: null,
  total_increasing: null,
};

/** `sensor/const.py`: `AMBIGUOUS_UNITS`, spellings that Home Assistant replaces. */
export const REPLACED_UNITS: Readonly<Record<string, string>> = {
  VAr: "var",
  VArh: "varh",
  kVAr: "kvar",
  kVArh: "kvarh",
  mVAr: "mvar",
  "µS/cm": "μS/cm",
  "µSv/h": "μSv/h",
  µV: "μV",
  µg: "μg",
  "µg/ft³": "μg/ft³",
  "µg/m³": "μg/m³",
  "µmol/s⋅m²": "μmol/s⋅m²",
  µs: "μs",
};

/** `<platform>/__init__.py` and `const.py`: device classes. Those of a number are the numeric ones of a sensor. */
export const DEVICE_CLASSES: Readonly<Record<string, ReadonlySet<string>>> = {
  sensor: new Set(Object.keys(SENSOR_CLASSES)),
  number: new Set(Object.keys(SENSOR_CLASSES).filter((name) => !NON_NUMERIC_CLASSES.has(name))),
  binary_sensor: new Set([
    ...list("battery battery_charging carbon_monoxide cold connectivity door garage_door gas heat light"),
    ...list("lock moisture motion moving occupancy opening plug power presence problem running safety"),
    ...list("smoke sound tamper update vibration window"),
  ]),
  button: new Set(["identify", "restart", "update"]),
  event: new Set(["button", "doorbell", "motion"]),
  switch: new Set(["outlet", "switch"]),
};
